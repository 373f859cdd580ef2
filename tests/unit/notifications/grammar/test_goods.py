"""Items, counts and prices: what is a quantity, what is a price, what is asked."""

import pytest
from support.chat_lines import merchant
from whatsinvoice_notifications.chat import CreateInvoice, Draft


def draft_of(goods: str) -> Draft:
    reading = merchant(f"invoice Sam 08030000001 {goods}")
    assert isinstance(reading, CreateInvoice)
    return reading.draft


@pytest.mark.parametrize(
    ("goods", "lines"),
    [
        ("2x wig @ 5000", [("wig", "2", 500_000)]),
        ("2 wigs at 5000 each", [("wigs", "2", 500_000)]),
        ("3 bags rice 45k each", [("bags rice", "3", 4_500_000)]),
        ("2000 boxers, 5000 hair", [("boxers", "1", 200_000), ("hair", "1", 500_000)]),
        ("1000 flyers at 25 each", [("flyers", "1000", 2_500)]),
        ("500 stickers @ 50", [("stickers", "500", 5_000)]),
        ("800 for ice", [("ice", "1", 80_000)]),
        ("800", [("", "1", 80_000)]),
        ("2 pairs shoes 5k a pair", [("pairs shoes", "2", 500_000)]),
        ("3 cartons juice, each one na 9k", [("cartons juice", "3", 900_000)]),
        ("2 crates eggs at 5,800 per crate", [("crates eggs", "2", 580_000)]),
        ("2.5 hours tutoring at 6000 per hour", [("hours tutoring", "2.5", 600_000)]),
        ("badge x 12 @ 300", [("badge", "12", 30_000)]),
        ("x2 badge at 5k", [("badge", "2", 500_000)]),
        ("badge 5000 x 2", [("badge", "2", 500_000)]),
        ("3 shoes for 15000", [("shoes", "3", 500_000)]),
        ("15000 for 3 shoes", [("shoes", "3", 500_000)]),
        ("10000 for 3 blouses", [("3 blouses", "1", 1_000_000)]),
        ("15k for 2 shirts and 3 caps", [("2 shirts and 3 caps", "1", 1_500_000)]),
        ("5k for makeup, bridal, 2 people", [("makeup, bridal, 2 people", "1", 500_000)]),
        ("40k for gown and 5k for bonnet", [("gown", "1", 4_000_000), ("bonnet", "1", 500_000)]),
        ("1 keg oil 21k", [("keg oil", "1", 2_100_000)]),
        ("shirt 9000", [("shirt", "1", 900_000)]),
        ("shirt na 9k", [("shirt", "1", 900_000)]),
        ("shirt (9000)", [("shirt", "1", 900_000)]),
        ("shirt = 9000", [("shirt", "1", 900_000)]),
        ("gown (red) 40k", [("gown (red)", "1", 4_000_000)]),
        ("cake - 8,000, drink - 500", [("cake", "1", 800_000), ("drink", "1", 50_000)]),
        ("iPhone 13 450k", [("iPhone 13", "1", 45_000_000)]),
        ("size 42 shoe 28k", [("size 42 shoe", "1", 2_800_000)]),
        ("2x 5kg rice @ 9,500", [("5kg rice", "2", 950_000)]),
        ("3pcs mug at 500", [("pcs mug", "3", 50_000)]),
        ("3 bag rice, each bag na 60k", [("bag rice", "3", 6_000_000)]),
        ("2.5kva generator 250k", [("2.5kva generator", "1", 25_000_000)]),
        ("rice 5 kg 12k", [("rice 5 kg", "1", 1_200_000)]),
        ("50k logo and branding", [("logo and branding", "1", 5_000_000)]),
        ("wallpaper, 65k", [("wallpaper", "1", 6_500_000)]),
        ("65k, wallpaper", [("wallpaper", "1", 6_500_000)]),
        ("2 wigs 9k each + delivery 1500", [("wigs", "2", 900_000), ("delivery", "1", 150_000)]),
        ("being payment for rent, 50k", [("rent", "1", 5_000_000)]),
        ("150000 for 50% deposit on wardrobe", [("50% deposit on wardrobe", "1", 15_000_000)]),
        ("2 tyres at 38000 each total 76000", [("tyres", "2", 3_800_000)]),
        ("item: chairs, qty: 3, price: 4000", [("chairs", "3", 400_000)]),
        ("item: chairs, qty: 3, total: 12000", [("chairs", "3", 400_000)]),
        ("amount 30000\nfor sewing", [("sewing", "1", 3_000_000)]),
    ],
)
def test_goods_are_read(goods: str, lines: list[tuple[str, str, int]]) -> None:
    draft = draft_of(goods)

    assert [(line.description, line.quantity, line.unit_price_minor) for line in draft.lines] == lines
    assert draft.needs == ()


@pytest.mark.parametrize(
    ("goods", "lines", "need"),
    [
        ("200 meat pies", [("meat pies", None, None)], "prices"),
        ("2 chairs 30000", [("chairs", "2", None)], "prices"),
        ("2 chairs, 30000", [("chairs", "2", None)], "prices"),
        ("5 wrappers, 3 ties", [("wrappers", "5", None), ("ties", "3", None)], "prices"),
        ("2 dresses and a scarf", [("dresses", "2", None), ("scarf", "1", None)], "prices"),
        ("logo, branding 50k", [("logo", "1", None), ("branding", "1", 5_000_000)], "prices"),
        ("for painting", [("painting", "1", None)], "amount"),
        ("", [], "amount"),
        ("5000 2000 700", [], "amount"),
        ("2 rims at 20k each, total 50k", [("rims", "2", 2_000_000)], "amount"),
        ("wig at 0", [("wig", "1", None)], "amount"),
    ],
)
def test_what_cannot_be_told_is_asked(goods: str, lines: list[tuple[str, str | None, int | None]], need: str) -> None:
    draft = draft_of(goods)

    assert [(line.description, line.quantity, line.unit_price_minor) for line in draft.lines] == lines
    assert draft.needs == (need,)
