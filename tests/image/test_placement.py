"""Targets go where the links below them lead; folders below keep what they are."""

from __future__ import annotations

import pytest

from kernel_containers.core.snapshot import FileKind
from kernel_containers.errors import Defect, InvalidInput
from kernel_containers.image.placement import Ground, place
from tests.image.trees import folder, link, text

USR_MERGED = Ground(
    {"/lib": "usr/lib", "/bin": "usr/bin", "/home": "/data/home", "/var/run": "../run"},
    {"/usr", "/usr/lib", "/usr/bin", "/data", "/data/home", "/var", "/run"},
)


def targets(*entries: object, ground: Ground = USR_MERGED) -> list[str]:
    return [entry.target for entry in place(entries, ground).entries]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "lands"),
    [
        ("/lib/libx.so", "/usr/lib/libx.so"),
        ("/bin/tool", "/usr/bin/tool"),
        ("/home/notes", "/data/home/notes"),
        ("/var/run/pid", "/run/pid"),
        ("/usr/lib/libx.so", "/usr/lib/libx.so"),
    ],
)
def test_a_target_is_resolved_through_the_base(given: str, lands: str) -> None:
    assert targets(text(given)) == [lands]


def test_a_folder_at_the_place_of_a_link_goes_where_the_link_leads() -> None:
    placed = place([folder("/lib", 0o700), text("/lib/x")], USR_MERGED)

    assert [entry.target for entry in placed.entries] == ["/usr/lib", "/usr/lib/x"]
    assert placed.links == (("/lib", "usr/lib"),)


def test_links_of_links_are_followed() -> None:
    ground = Ground({"/a": "b/c", "/b": "/d", "/d/c": "../e"}, {"/d", "/e"})

    assert targets(text("/a/file"), ground=ground) == ["/e/file"]


def test_links_in_a_circle_are_refused() -> None:
    ground = Ground({"/a": "b", "/b": "a"}, set())

    with pytest.raises(InvalidInput, match="circle"):
        place([text("/a/file")], ground)


def test_a_file_or_link_replaces_a_link_of_the_base() -> None:
    assert targets(text("/bin"), link("/lib", "elsewhere")) == ["/bin", "/lib"]


def test_missing_parents_are_added_as_folders_of_root() -> None:
    placed = place([text("/work/team/nb.ipynb")], USR_MERGED)

    assert [(e.target, e.kind, e.mode) for e in placed.entries[:2]] == [
        ("/work", FileKind.FOLDER, 0o755),
        ("/work/team", FileKind.FOLDER, 0o755),
    ]
    assert placed.parents == ("/work", "/work/team")


def test_parents_that_are_there_are_not_repeated() -> None:
    lower = USR_MERGED.under(place([folder("/work", 0o775)], USR_MERGED).entries)

    assert targets(text("/work/nb.ipynb"), text("/usr/bin/x"), ground=lower) == [
        "/usr/bin/x",
        "/work/nb.ipynb",
    ]


def test_folders_of_the_set_keep_their_modes() -> None:
    placed = place([folder("/work", 0o750), text("/work/a")], USR_MERGED)

    assert placed.entries[0].mode == 0o750
    assert placed.parents == ()


def test_the_links_of_lower_sets_and_of_the_set_itself_are_followed() -> None:
    lower = USR_MERGED.under(
        place([link("/project", "/srv/p"), folder("/srv")], USR_MERGED).entries
    )

    assert "/srv/p/x" in targets(text("/project/x"), ground=lower)
    assert targets(folder("/real"), link("/alias", "real"), text("/alias/x")) == [
        "/alias",
        "/real",
        "/real/x",
    ]


def test_a_folder_that_a_lower_set_replaced_by_a_link_is_a_link() -> None:
    ground = Ground({}, {"/opt", "/opt/tool", "/srv"})
    lower = ground.under(place([link("/opt/tool", "/srv")], ground).entries)

    assert targets(text("/opt/tool/x"), ground=lower) == ["/srv/x"]


def test_the_root_folder_itself_is_left_alone() -> None:
    assert targets(folder("/", 0o700), text("/x")) == ["/x"]


def test_two_targets_that_land_at_one_place_are_one_entry() -> None:
    placed = place([text("/lib/x", "first"), text("/usr/lib/x", "last")], USR_MERGED)

    assert [(e.target, e.content) for e in placed.entries] == [("/usr/lib/x", b"last")]


def test_a_file_can_not_be_a_folder_too() -> None:
    with pytest.raises(InvalidInput, match="/a can't be both a file and a folder"):
        place([text("/a"), text("/a/b")], USR_MERGED)


@pytest.mark.parametrize("target", ["relative", "", "/a/..", "/a/.", "/a/", "no/root"])
def test_a_target_that_is_no_path_is_a_defect(target: str) -> None:
    with pytest.raises(Defect):
        place([text(target)], USR_MERGED)


def test_the_result_tells_all_that_decided_on_it() -> None:
    entries = [text("/lib/x"), text("/work/nb.ipynb")]
    other = Ground({**USR_MERGED.links, "/unrelated": "x"}, {*USR_MERGED.folders, "/more"})
    plain = Ground({}, {"/lib"})

    assert place(entries, USR_MERGED) == place(entries, other)
    assert place(entries, USR_MERGED).links != place(entries, plain).links
    assert place(entries, USR_MERGED).parents == place(entries, plain).parents
