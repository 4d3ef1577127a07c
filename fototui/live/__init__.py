"""What the operator sees, kept true by live events: one store between services and widgets."""
