"""The cars on offer, and how many of each there are."""

CARS = {
    "waltz": {"name": "Waltz", "body": "estate", "price": 32_900, "stock": 40},
    "tango": {"name": "Tango", "body": "coupé", "price": 54_500, "stock": 12},
    "swing": {"name": "Swing", "body": "hatchback", "price": 21_400, "stock": 2},
    "grand-ball": {"name": "Grand Ball", "body": "limousine", "price": 148_000, "stock": 3},
}
