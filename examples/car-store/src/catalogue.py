"""Browse: the cars that can be ordered."""

from shop.cars import CARS
from shop.http import answer


def handler(event, context):
    """GET / lists all cars, GET /<id> shows one."""
    car_id = event["rawPath"].strip("/")
    if not car_id:
        return answer(200, [{"id": i, **car} for i, car in CARS.items()])
    if car_id not in CARS:
        return answer(404, {"message": f"We have no car {car_id}."})
    return answer(200, {"id": car_id, **CARS[car_id]})
