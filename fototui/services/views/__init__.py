"""What services return: frozen values for screens, the API and the command line."""
