"""PartiQL: statements are parsed by recursive descent and compiled to what the item API uses."""
