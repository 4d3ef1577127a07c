"""A shop: Shopify's API, its customers' photos, its webhooks."""
