"""`fototui orders add` with folders: a folder is a book."""

from pathlib import Path

import pytest
from PIL import Image as Picture

from tests.cli.conftest import Command


def _photo(path: Path, colour: str = "teal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.new("RGB", (64, 48), colour).save(path)
    return path


def _titles(order: dict[str, list[dict[str, list[dict[str, dict[str, str]]]]]]) -> object:
    return [
        (item["title"], [image["file"]["original_filename"] for image in item["images"]])
        for item in order["line_items"]
    ]


def test_a_tree_is_an_order_and_each_folder_a_book(fototui: Command, tmp_path: Path) -> None:
    folder = tmp_path / "Jana Nováková"
    for name in ("Léto/10.jpg", "Léto/2.JPG", "Léto/1.png", "kočky/a.jpg", "obálka.jpg"):
        _photo(folder / name)
    (folder / "Léto" / "bez přípony").write_bytes(_photo(tmp_path / "x.webp").read_bytes())
    (folder / "Léto" / ".DS_Store").write_bytes(b"x")
    (folder / "kočky" / "poznámka.txt").write_text("Prosím na šířku")
    (folder / "kočky" / "film.mov").write_bytes(b"\0\0\0\x14ftypqt  ")
    (folder / "prázdná").mkdir()
    (folder / ".skrytá").mkdir()
    _photo(folder / ".skrytá" / "a.jpg")
    (folder / "kočky" / "zpět").symlink_to(folder)

    added = fototui("orders", "add", str(folder), "--dedication", "Pro Evu", "--json")
    assert added.code == 0
    assert added.json["number"] == "#M1000"
    assert added.json["customer_name"] == "Jana Nováková"
    assert _titles(added.json) == [
        ("Jana Nováková", ["obálka.jpg"]),
        ("kočky", ["a.jpg"]),
        ("Léto", ["1.png", "2.JPG", "10.jpg", "bez přípony"]),
    ]
    assert {item["dedication"] for item in added.json["line_items"]} == {"Pro Evu"}
    assert added.err.splitlines() == [
        f"{folder}/.skrytá is hidden; it is left out.",
        f"{folder}/kočky/film.mov is not a photo; it is left out.",
        f"{folder}/kočky/poznámka.txt is not a photo; it is left out.",
        f"{folder}/kočky/zpět is not a photo; it is left out.",
        f"{folder}/Léto/.DS_Store is hidden; it is left out.",
        "Order #M1000 has 6 photos in 3 books.",
    ]
    for item in added.json["line_items"]:
        for image in item["images"]:
            key = image["file"]["key"]
            assert key.startswith(f"{added.json['id']}/{item['id']}/image_{image['position']}.")
            assert (tmp_path / "files" / key).is_file()


def test_a_folder_of_photos_alone_is_one_book(
    fototui: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _photo(tmp_path / "Dovolená" / "1.jpg")
    monkeypatch.chdir(tmp_path / "Dovolená")
    order = fototui("orders", "add", ".", "--customer", "Eva", "--json").json
    assert (order["customer_name"], _titles(order)) == ("Eva", [("Dovolená", ["1.jpg"])])


def test_single_photos_are_a_book_beside_folders(fototui: Command, tmp_path: Path) -> None:
    _photo(tmp_path / "A" / "1.jpg")
    order = fototui(
        "orders", "add", str(tmp_path / "A"), str(_photo(tmp_path / "2.jpg")), "--json"
    ).json
    assert _titles(order) == [("Omalovánky", ["2.jpg"]), ("A", ["1.jpg"])]
    assert order["customer_name"] is None


def test_a_damaged_photo_refuses_all_and_tells_of_which_book(
    fototui: Command, tmp_path: Path
) -> None:
    for name in ("A", "B"):
        _photo(tmp_path / "in" / name / "1.jpg")
    (tmp_path / "in" / "B" / "1.jpg").write_bytes(b"")
    refused = fototui("orders", "add", str(tmp_path / "in"))
    assert (refused.code, refused.out) == (2, "")
    assert "B/1.jpg: " in refused.err
    assert "A/1.jpg" not in refused.err
    assert fototui("orders", "list", "--json").json == []


def test_a_folder_without_photos_is_refused(fototui: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "readme.txt").write_text("x")
    refused = fototui("orders", "add", str(tmp_path / "in"))
    assert (refused.code, refused.out) == (2, "")
    assert f"There are no photos in {tmp_path / 'in'}; name another folder." in refused.err
