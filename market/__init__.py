"""The world as data and arithmetic: instruments, events, orders, ledger. Pure and compiled; imports nothing of ours."""
