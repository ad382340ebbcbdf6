"""`trifecta ...`: one thin module per command group."""
