"""Real NATs and firewalls of the kernel, in network namespaces, and what is checked behind them."""
