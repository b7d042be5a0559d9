"""What the car store's functions share; each function's own work is in its module."""
