"""Orders as the shop tells them: imports, webhooks, and what of it is new."""
