"""What the store is about, apart from AWS: cars, orders and their documents."""
