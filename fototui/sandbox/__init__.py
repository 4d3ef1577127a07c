"""Local stand-ins for the outside services, over real HTTP and on top of a real generator."""
