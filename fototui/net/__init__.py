"""HTTP at its lowest: what all that speak it share."""
