"""Targets go where the links below them lead; folders below keep what they are."""

from __future__ import annotations

import pytest

from kernel_containers.core.snapshot import FileKind
from kernel_containers.errors import Defect, InvalidInput
from kernel_containers.image.placement import Ground, place
from tests.image.trees import folder, link, text

USR_MERGED = Ground(
    {"/lib": "usr/lib", "/bin": "usr/bin", "/home": "/data/home", "/var/run": "../run"},
    {
        "/usr": (0o755, 0, 0),
        "/usr/lib": (0o755, 0, 0),
        "/usr/bin": (0o755, 0, 0),
        "/data": (0o711, 0, 0),
        "/data/home": (0o2775, 1000, 100),
        "/var": (0o755, 0, 0),
        "/run": (0o755, 0, 0),
    },
)


def targets(*entries: object, ground: Ground = USR_MERGED) -> list[str]:
    """Return where `entries` land, without the parents that are repeated."""
    placed = place(entries, ground)  # type: ignore[arg-type]
    parents = dict(placed.parents)
    return [entry.target for entry in placed.entries if entry.target not in parents]


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

    assert [(e.target, e.mode) for e in placed.entries[1:]] == [
        ("/usr/lib", 0o700),
        ("/usr/lib/x", 0o644),
    ]
    assert placed.links == (("/lib", "usr/lib"),)


def test_links_of_links_are_followed() -> None:
    ground = Ground({"/a": "b/c", "/b": "/d", "/d/c": "../e"})

    assert targets(text("/a/file"), ground=ground) == ["/e/file"]


def test_links_in_a_circle_are_refused() -> None:
    ground = Ground({"/a": "b", "/b": "a"})

    with pytest.raises(InvalidInput, match="circle"):
        place([text("/a/file")], ground)


def test_a_file_or_link_replaces_a_link_of_the_base() -> None:
    assert targets(text("/bin"), link("/lib", "elsewhere")) == ["/bin", "/lib"]


def test_missing_parents_are_added_as_folders_of_root() -> None:
    placed = place([text("/workspace/team/nb.ipynb")], USR_MERGED)

    assert [(e.target, e.kind, e.mode) for e in placed.entries[:2]] == [
        ("/workspace", FileKind.FOLDER, 0o755),
        ("/workspace/team", FileKind.FOLDER, 0o755),
    ]
    assert placed.parents == (("/workspace", (0o755, 0, 0)), ("/workspace/team", (0o755, 0, 0)))


def test_parents_that_are_there_are_repeated_as_they_are() -> None:
    home = folder("/workspace", 0o700)._replace(group_writable=True)
    lower = USR_MERGED.under(place([home], USR_MERGED).entries)

    placed = place([text("/data/home/me/x"), text("/workspace/nb.ipynb")], lower)

    assert [(e.target, e.final_mode, e.owner) for e in placed.entries] == [
        ("/data", 0o711, (0, 0)),
        ("/data/home", 0o2775, (1000, 100)),
        ("/data/home/me", 0o755, (0, 0)),
        ("/data/home/me/x", 0o644, (0, 0)),
        ("/workspace", 0o770, (0, 0)),
        ("/workspace/nb.ipynb", 0o644, (0, 0)),
    ]


def test_folders_of_the_set_keep_their_modes() -> None:
    placed = place([folder("/workspace", 0o750), text("/workspace/a")], USR_MERGED)

    assert placed.entries[0].mode == 0o750
    assert placed.parents == ()


def test_the_links_of_lower_sets_and_of_the_set_itself_are_followed() -> None:
    lower = USR_MERGED.under(
        place([link("/project", "/srv/p"), folder("/srv")], USR_MERGED).entries
    )

    assert targets(text("/project/x"), ground=lower) == ["/srv/p/x"]
    assert targets(folder("/real"), link("/alias", "real"), text("/alias/x")) == [
        "/alias",
        "/real",
        "/real/x",
    ]


def test_a_folder_that_a_lower_set_replaced_by_a_link_is_a_link() -> None:
    ground = Ground({}, dict.fromkeys(["/opt", "/opt/tool", "/srv"], (0o755, 0, 0)))
    lower = ground.under(place([link("/opt/tool", "/srv")], ground).entries)

    assert targets(text("/opt/tool/x"), ground=lower) == ["/srv/x"]


def test_a_folder_that_everybody_may_write_to_stays_so() -> None:
    ground = Ground({}, {"/tmp": (0o1777, 0, 0), "/workspace": (0o755, 0, 0)})
    entries = [
        folder("/tmp")._replace(group_writable=True),
        text("/tmp/n.ipynb"),
        folder("/workspace")._replace(group_writable=True),
    ]

    placed = place(entries, ground).entries

    assert {
        entry.target: entry.final_mode for entry in placed if entry.kind is FileKind.FOLDER
    } == {
        "/tmp": 0o1777,
        "/workspace": 0o775,
    }


def test_the_root_folder_itself_is_left_alone() -> None:
    assert targets(folder("/", 0o700), text("/x")) == ["/x"]


def test_two_targets_that_land_at_one_place_are_one_entry() -> None:
    placed = place([text("/lib/x", "first"), text("/usr/lib/x", "last")], USR_MERGED)

    assert [(e.target, e.content) for e in placed.entries[2:]] == [("/usr/lib/x", b"last")]


def test_a_file_can_not_be_a_folder_too() -> None:
    with pytest.raises(InvalidInput, match="/a can't be both a file and a folder"):
        place([text("/a"), text("/a/b")], USR_MERGED)


@pytest.mark.parametrize("target", ["relative", "", "/a/..", "/a/.", "/a/", "no/root"])
def test_a_target_that_is_no_path_is_a_defect(target: str) -> None:
    with pytest.raises(Defect):
        place([text(target)], USR_MERGED)


def test_the_result_tells_all_that_decided_on_it() -> None:
    entries = [text("/lib/x"), text("/workspace/nb.ipynb")]
    more = {**USR_MERGED.folders, "/more": (0o700, 1, 1)}
    same = Ground({**USR_MERGED.links, "/unrelated": "x"}, more)
    stricter = Ground(USR_MERGED.links, {**USR_MERGED.folders, "/usr": (0o700, 0, 0)})

    assert place(entries, USR_MERGED) == place(entries, same)
    assert place(entries, USR_MERGED).links != place(entries, Ground()).links
    assert place(entries, USR_MERGED).parents != place(entries, stricter).parents
