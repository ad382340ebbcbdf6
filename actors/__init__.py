"""The hands, thin: plain classes that guard, decide by a pure call, journal, and tell the next."""
