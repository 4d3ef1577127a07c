"""The whole product on one machine, with no account: real parts, imitated outside services."""
