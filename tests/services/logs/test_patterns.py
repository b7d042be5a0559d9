"""The filter pattern language, by the examples of AWS's user guide and then some."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballroom.services.logs.patterns import InvalidPattern, compile_pattern
from ballroom.services.logs.patterns.fields import split_fields

ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
TRAIL = (
    '{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],'
    ' "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "cluster.name": "c",'
    ' "ThisFlag": true, "latency": 12.5, "code": 400, "text": "400"}'
)
USERS = (
    '{"user": {"id": 1, "email": "John.Stiles@example.com"},'
    ' "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],'
    ' "actions": ["GET", "PUT", "DELETE"],'
    ' "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]]}'
)


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ('" "', "anything", True),
        ("ERROR", "[ERROR 400] BAD REQUEST", True),
        ("ERROR", "ERRORCODE", True),
        ("ERROR", "error", False),
        ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", True),
        ("ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", False),
        ("?ERROR ?ARGUMENTS", "only ARGUMENTS", True),
        ("?ERROR ?ARGUMENTS", "neither", False),
        ("?ERROR ?ARGUMENTS REQUEST", "[INFO] REQUEST FAILED", True),
        ("?ERROR ?ARGUMENTS REQUEST", "ERROR", False),
        ("ERROR -ARGUMENTS", "[ERROR 400] BAD REQUEST", True),
        ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", False),
        ("-ARGUMENTS", "all else", True),
        ('"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", True),
        ('"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ('-"a b"', "a c b", True),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        ("ERROR %[45]0[0-9]%", "ERROR 404", True),
        ("ERROR %[45]0[0-9]%", "ERROR 304", False),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    assert compile_pattern(pattern).matches(message) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        (r"[ip=%127\.0\.0\.[1-9]%, user, name, at, request =*.html*, status_code = 4*, bytes]", ACCESS, True),
        ("[..., request =*.html*, status_code = 4*, bytes]", ACCESS, True),
        ("[ip, user, ..., status_code, bytes > 1000]", ACCESS, True),
        ("[ip, user, ..., status_code, bytes > 2000]", ACCESS, False),
        ("[..., status_code = 404 || status_code = 410, bytes]", ACCESS, True),
        ("[..., status_code = 4* && status_code != 404, bytes]", ACCESS, False),
        ("[..., (status_code = 4* && status_code != 404) || status_code = 40*, bytes]", ACCESS, True),
        ("[..., bytes = 1534.0]", ACCESS, True),
        ("[..., request =%GET.*HTTP%, status_code = 404,]", ACCESS, True),
        ("[ip, user]", "one", False),
        ("[w1=ERROR, w2]", "ERROR 09/25/2014 12:00:02 Failed to process request", True),
        ("[w1=ERROR, w2]", "INFO 09/25/2014 12:00:02", False),
        ("[w1=ERROR]", "ERROR and more", False),
        ("[w1=ERROR]", "ERROR", True),
        ("[w1=ERROR || w1=WARNING, w2]", "WARNING x", True),
        ("[w1!=ERROR && w1!=WARNING, w2]", "WARNING x", False),
        ("[w1!=ERROR && w1!=WARNING, w2]", "INFO x", True),
        (
            "[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]",
            "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200",
            True,
        ),
        (
            "[logLevel, date, time, method, url=%/service/resource/[0-9]+$%, response_time]",
            "INFO 09/25/2014 12:00:01 POST /service/resource/67/part/111 1310",
            False,
        ),
    ],
)
def test_space_delimited_fields(pattern: str, message: str, expected: bool) -> None:
    assert compile_pattern(pattern).matches(message) is expected


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ('{ $.eventType != "UpdateTrail" }', TRAIL, False),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ("{ $.sourceIPAddress = 111.111.* }", TRAIL, True),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ("{ $.objectList[2].id = 2 }", TRAIL, False),
        ("{ $.objectList[*].id = 2 }", TRAIL, True),
        ("{ $.eventType = %Trail% }", TRAIL, True),
        ("{ $.arrayKey[*] = %val.{2}% }", TRAIL, True),
        (r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }", TRAIL, True),
        ("{ $.['cluster.name'] = \"c\" }", TRAIL, True),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.eventType IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject IS NULL }", TRAIL, False),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.ThisFlag IS FALSE }", TRAIL, False),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
        ("{ $.latency > 12 && $.latency <= 12.5 }", TRAIL, True),
        ("{ $.latency < +1.25e1 }", TRAIL, False),
        ("{ $.latency = 1.25e+1 }", TRAIL, True),
        ("{ $.code = 4* }", TRAIL, True),
        ("{ $.text > 300 }", TRAIL, False),
        ("{ $.latency = * }", TRAIL, True),
        ("{ $.missing = * }", TRAIL, False),
        ("{ $.missing != 1 }", TRAIL, False),
        ('{ $.arrayKey != "x" }', TRAIL, False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS, True),
        ('{ $.user.email = "John.*" || $.coordinates[0][1] = "no" && $.actions[2] = "no" }', USERS, True),
        ('{ ($.user.email = "John.*" || $.coordinates[0][1] = "no") && $.actions[2] = "no" }', USERS, False),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', USERS, False),
        ('{ $.a = "x" }', "no json", False),
        ('{ $.a = "x" }', '{"a": "x"', False),
    ],
)
def test_json_selectors(pattern: str, message: str, expected: bool) -> None:
    assert compile_pattern(pattern).matches(message) is expected


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ('{ $."sc-status" = 5* }', "Invalid character(s) in term '$.\"'"),
        ("?Status: timeout", "Invalid character(s) in term ':'"),
        ("a(b", "Invalid character(s) in term '('"),
        ('""', "Invalid character(s) in term '\"\"'"),
        ("%some!%", "Invalid character(s) in term '!'"),
        ("%(a|b)%", "Invalid character(s) in term '('"),
        ('{ $.a = "x", $.b = 2 }', "Invalid character(s) in term ','"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
    ],
)
def test_what_cannot_be_read_is_refused_in_awss_words(pattern: str, text: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(pattern)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    "pattern",
    [
        "{}", "{ $.a }", "{ $ = 1 }", "{ $.a > x }", "{ $.a IS }", "{ $.a IS NOT NULL }", "{ $.a EXISTS }",
        "{ $.a[*].b[*] = 1 }", "{ $.a = %x% || $.b = %y% || $.c = %z% }", "[a, ..., b, ...]", "[a b]",
        "[a = 1 && b = 2]", "%%", "%a{2,1}%", "%[b-a]%", "%a^b%", "%*a%", "%a{5000}%", r"%\q%", '"open',
        "{ " + "(" * 200 + "$.a = 1" + ")" * 200 + " }",
    ],
)  # fmt: skip
def test_nonsense_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(pattern)


def test_matches_name_the_values_they_found() -> None:
    fields = compile_pattern("[..., request=*.html*, status_code=4*,]")
    assert fields.extract(ACCESS) == {
        "$1": "127.0.0.1", "$2": "Prod", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
        "$request": "GET /index.html HTTP/1.0", "$status_code": "404", "$7": "1534",
    }  # fmt: skip
    json = compile_pattern("{ $.code = 400 && $.latency > 1 || $.missing = 1 }")
    assert json.extract(TRAIL) == {"$.code": "400", "$.latency": "12.5"}


@given(st.text(alphabet='{}[]()$."%*&|=!<>?-+,abI STRUEOX\\\n0é', max_size=40))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    try:
        pattern = compile_pattern(text)
    except InvalidPattern:
        return
    for message in ("", "a b", '{"a": 1}', '["x"', ACCESS):
        if pattern.matches(message):
            pattern.extract(message)


@given(
    st.lists(st.text(alphabet="ab", min_size=1, max_size=3), max_size=4),
    st.text(alphabet="ab -", max_size=12),
)
def test_plain_terms_all_have_to_appear(terms: list[str], message: str) -> None:
    assert compile_pattern(" ".join(terms)).matches(message) is all(term in message for term in terms)


@given(st.text(alphabet='[]" ab', max_size=200))
def test_splitting_a_line_loses_no_word(line: str) -> None:
    kept = "".join(split_fields(line))
    assert [c for c in kept if c in "ab"] == [c for c in line if c in "ab"]
