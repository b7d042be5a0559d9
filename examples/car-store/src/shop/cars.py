"""The cars on offer. A table takes this over as soon as there is one."""

CARS = {
    "waltz": {"name": "Waltz", "body": "estate", "price": 32_900},
    "tango": {"name": "Tango", "body": "coupé", "price": 54_500},
    "swing": {"name": "Swing", "body": "hatchback", "price": 21_400},
    "grand-ball": {"name": "Grand Ball", "body": "limousine", "price": 148_000},
}
