"""What may differ between two runs of the same code, and what may not."""

from __future__ import annotations

import pytest

from kernel_containers.notebook.normalise import html_text, plain_text, set_aside

KNOWN = {
    "laptop.example": "<machine>",
    "/home/ada": "<home>",
    "/opt/kernel-containers/home": "<home>",
}


@pytest.mark.parametrize(
    ("saved", "new", "aside"),
    [
        ("<Thing at 0x7f0c1a2b3c4d>", "<Thing at 0x7ffd00112233>", ["address"]),
        ("took 1.25 s", "took 987 ms", ["duration"]),
        ("Wall time: 3.1 µs", "Wall time: 12 ms", ["duration"]),
        ("0.51 it/s", "12 it/s", ["duration"]),
        ("at 2026-11-20 08:00:01.5", "at 2026-11-21 09:10:11.25", ["time"]),
        ("2026-11-20T08:00:01Z", "2026-11-21T08:00:01+00:00", ["time"]),
        ("0:00:05.123", "0:01:07.9", ["time"]),
        ("Fri Nov 20 08:00:00 2026", "Sat Nov 21 09:00:00 UTC 2026", ["time"]),
        (
            "id 123e4567-e89b-12d3-a456-426614174000",
            "id 00000000-e89b-12d3-a456-426614174fff",
            ["id"],
        ),
        ("/tmp/ipykernel_1/22.py:3", "/tmp/ipykernel_9/7.py:3", ["temporary path"]),
        ("/var/folders/x/y.csv", "/tmp/z.csv", ["temporary path"]),
        ("on 3f2a9b8c7d6e", "on laptop.example", ["machine"]),
        ("/home/ada/data.csv", "/opt/kernel-containers/home/data.csv", ["machine"]),
        ("0.30000000000000004", "0.3", ["rounding"]),
        ("1e-07 2.5", "1.0000000001e-07 2.5", ["rounding"]),
        ("at 0xabcdef12 in 3 s", "at 0x12abcdef in 4 s", ["address", "duration"]),
        (
            "datetime.datetime(2026, 11, 20, 8, 0, 1, 5)",
            "datetime.datetime(2026, 11, 21, 9, 0, 2, 123456)",
            ["time"],
        ),
        (
            "f(datetime.datetime(2026, 11, 20, 8, 0, 1, 5, tzinfo=datetime.timezone.utc))",
            "f(datetime.datetime(2026, 11, 20, 8, 0, 2, 5, tzinfo=datetime.timezone.utc))",
            ["time"],
        ),
        ("Date:   Fri, 20 Nov 2026", "Date:   Sat, 21 Nov 2026", ["time"]),
        ("5 ns per loop (10,000,000 loops each)", "6 ns per loop (1 loop each)", ["duration"]),
        ("10/10 1s 12ms/step", "10/10 2s 9ms/step", ["duration"]),
        ("76.4 MB/s", "3.1 kB/s", ["duration"]),
        (f"map_{'0a' * 16} = 1", f"map_{'1b' * 16} = 1", ["id"]),
        ("#T_be18e_row1_col0 {}", "#T_d93d9_row1_col0 {}", ["id"]),
        ("same", "same", []),
    ],
)
def test_what_changes_from_run_to_run_is_set_aside(saved: str, new: str, aside: list[str]) -> None:
    assert set_aside(saved, new, KNOWN) == tuple(aside)
    assert set_aside(new, saved, KNOWN) == tuple(aside)


@pytest.mark.parametrize(
    ("saved", "new"),
    [
        ("5", "6"),
        ("1000000001", "1000000002"),
        ("0.5", "0.50001"),
        ("0.5 0.5", "0.5"),
        ("2026-11-20", "2026-11-21"),
        ("datetime.datetime(2026, 11, 20, 0, 0)", "datetime.datetime(2026, 11, 21, 0, 0)"),
        ("10 loops", "11 loops"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
        ("took 5 s for 3 rows", "took 5 s for 4 rows"),
        ("a b", "b a"),
        ("123456789012", "123456789013"),
        ("/data/a.csv", "/data/b.csv"),
        ("<Thing at 0x7f0c1a2b3c4d>", "<Other at 0x7f0c1a2b3c4d>"),
        ("5 models", "6 models"),
        ("/home/adam", "/opt/kernel-containers/home"),
        ("0x1F", "0x2F"),
    ],
)
def test_results_are_not(saved: str, new: str) -> None:
    assert set_aside(saved, new, KNOWN) is None


def test_text_is_compared_as_it_is_read() -> None:
    assert plain_text("\x1b[31mred\x1b[0m  \r\n") == "red"
    assert plain_text(" 10%\r 50%\r100%\ndone\n\n") == "100%\ndone"


def test_tables_of_html_are_compared_by_their_cells() -> None:
    one = '<div>\n  <style scoped>\n .x {}\n</style><table border="1" class="a"><td>5</td></table>'
    other = '<div><style scoped>.x {}</style><table class="a" border="1"><td> 5 </td></table>'
    styled = '<table id="T_ab12c"><td id="T_ab12c_row0" class="data T_1f2e3">5</td></table>'
    again = '<table id="T_0099f"><td id="T_0099f_row0" class="data T_00000">5</td></table>'

    assert html_text(one) == html_text(other)
    assert html_text(one) != html_text(one.replace("5", "6"))
    assert set_aside(html_text(styled), html_text(again), {}) == ("id",)


def test_drawings_are_compared_without_the_ids_of_their_parts() -> None:
    one = '<svg><path id="m0a1b2c3d4e" d="M 0 3"/><use xlink:href="#m0a1b2c3d4e"/></svg>'
    other = one.replace("m0a1b2c3d4e", "mffffff0000")

    assert set_aside(html_text(one), html_text(other), {}) == ("id",)
    moved = html_text(other.replace("M 0 3", "M 0 4"))
    assert set_aside(html_text(one), moved, {}) is None
