from __future__ import annotations

import pytest

from waypost.numbers import BadNumber, coastal_digit, northline_digits, parse_number


def northline(serial: str) -> str:
    return f"NL{serial}{northline_digits(serial)}"


def test_separators_and_case_do_not_matter() -> None:
    number = northline("4800155")
    assert parse_number(f" {number[:4].lower()}-{number[4:8]} {number[8:]} ").text == number


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    number = northline("4800155")
    assert parse_number(number.replace("0", "O")).text == number


def test_every_single_wrong_digit_is_found() -> None:
    number = northline("4800155")
    for at in range(2, len(number)):
        wrong = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
        with pytest.raises(BadNumber):
            parse_number(wrong)


def test_coastal_writes_ten_as_x() -> None:
    serial = next(f"{n:011d}" for n in range(1000) if coastal_digit(f"{n:011d}") == "X")
    assert parse_number(f"{serial}x").carrier == "coastal"


def test_a_text_of_another_form_is_refused() -> None:
    with pytest.raises(BadNumber, match="no number of a known carrier"):
        parse_number("HELLO")
