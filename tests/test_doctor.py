"""The doctor tells conventions by physics, never guesses silently, and what it mends has no problem left."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seehear.doctor.ambix import to_ambix
from seehear.doctor.convention import Said, convention
from seehear.doctor.evidence import NOMINAL, energies, products
from seehear.doctor.examine import examine
from seehear.doctor.fix import fix, mend
from seehear.doctor.picture import judge
from seehear.doctor.sound import clipped, measure, samples
from seehear.doctor.streams import Track, undone
from seehear.errors import InputError
from seehear.media import decode
from seehear.media.encode import encode
from seehear.media.tag_writing import write_tags
from seehear.media.tags import NO_TAGS, Ambisonic, Spherical, Tags, read_tags
from seehear.spatial import ambisonics
from seehear.spatial.directions import equirectangular
from seehear.spatial.harmonics import convert

SHARED = Path(__file__).parents[2] / "shared" / "data" / "spatial360"
RATE = 16000
KEYS = [
    "spherical",
    "stereo_layout",
    "ambisonic_order",
    "channel_order",
    "normalisation",
    "dead_channels",
    "level_db",
    "problems",
    "fixes",
]
CONVENTIONS = [("ACN", "SN3D", "sn3d"), ("ACN", "N3D", "n3d"), ("FuMa", "FuMa", "fuma")]


def field(scene="room", order=1, seed=0, seconds=2.0):
    """AmbiX [C, N] of known truth: plane waves that come and go, many at once, or at the height of the ears."""
    rng = np.random.default_rng(seed)
    count, samples = {"room": 7, "diffuse": 80, "level": 6, "one": 1}[scene], round(seconds * RATE)
    vectors = rng.normal(size=(count, 3)) * [1, 1, 0 if scene == "level" else 0.5]
    vectors = torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    sound = rng.normal(size=(count, samples)) * rng.uniform(0.4, 1, size=(count, 1))
    if scene == "room":
        sound *= 0.05 + (rng.random((count, 10)) > 0.4).repeat(samples // 10, axis=1)
    sound = ambisonics.encode(torch.from_numpy(sound), vectors, order).numpy()
    return sound * 0.05 / np.sqrt(np.mean(sound[0] ** 2))


def noisy(sound, level=-35.0, seed=1000):
    """With noise of its own in every channel, `level` dB under W."""
    noise = np.random.default_rng(seed).normal(size=sound.shape)
    return (sound + noise * np.sqrt(np.mean(sound[0] ** 2)) * 10 ** (level / 20)).astype(np.float32)


def in_convention(sound, name):
    return convert(torch.from_numpy(sound), "sn3d", name).numpy()


def told(sound, said=None, places=()):
    return convention(measure(sound, RATE), len(sound), said or Said(), places)


# Conventions


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("scene", ["room", "diffuse", "level", "one"])
@pytest.mark.parametrize(("channels", "weights", "name"), CONVENTIONS)
def test_order_and_normalisation_are_told(order, scene, channels, weights, name):
    for seed, level in ((0, -35.0), (1, -20.0)):
        found = told(noisy(in_convention(field(scene, order, seed), name), level))
        assert (found.order, found.normalisation) == (channels, weights), found


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("weights", ["SN3D", "N3D"])
def test_the_products_tell_the_order_whatever_the_weights(order, weights):
    sound = in_convention(field("room", order), weights.lower())
    wxyz = [int(k) for k in in_convention(np.eye((order + 1) ** 2), "fuma").argmax(axis=1)]
    found = told(noisy(sound[wxyz]))
    assert (found.order, found.normalisation) == ("FuMa", weights)
    places, gains = to_ambix(found)
    np.testing.assert_allclose(sound[wxyz][places] * gains[:, None], field("room", order), atol=1e-6)


def test_laws_of_energies_and_products_hold_to_the_last_digit():
    heard = measure(field("one", 3).astype(np.float32), RATE)
    measured = energies(heard.covariance)
    assert measured.ratios == pytest.approx((0, 0, 0), abs=1e-4)
    assert products(heard.covariance).scores["ACN"] == pytest.approx(1, abs=1e-6)
    for name, nominal in (("n3d", "N3D"), ("fuma", "FuMa")):
        ratios = energies(measure(in_convention(field("one", 3), name).astype(np.float32), RATE).covariance).ratios
        assert ratios[0] == pytest.approx(NOMINAL[nominal][0], abs=1e-4)
    wxyz = in_convention(np.eye(16), "fuma").argmax(axis=1)
    turned = products(measure(field("one", 3)[wxyz].astype(np.float32), RATE).covariance)
    assert turned.scores["FuMa"] == pytest.approx(1, abs=1e-6)
    assert turned.order == "FuMa"
    # Long uncorrelated sounds from anywhere: the sums approach the laws.
    many = measure(field("diffuse", 2, seconds=8.0).astype(np.float32), RATE)
    assert energies(many.covariance).ratios == pytest.approx((0, 0), abs=0.3)
    assert products(many.covariance).scores["ACN"] > 0.8


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(("channels", "weights", "name"), [*CONVENTIONS, ("FuMa", "SN3D", "sn3d")])
def test_without_height_a_dead_channel_is_z(noise, channels, weights, name):
    sound = field("room")
    sound[2] = 0
    sound = in_convention(sound, name)
    if (channels, weights) == ("FuMa", "SN3D"):
        sound = sound[[0, 3, 1, 2]]
    found = told(noisy(sound) if noise else sound.astype(np.float32))
    assert (found.order, found.normalisation) == (channels, weights)
    assert measure(noisy(sound), RATE).dead == ((2,) if channels == "ACN" else (3,))
    assert not found.problems


def test_what_the_signal_does_not_tell_is_left_open():
    rng = np.random.default_rng(0)
    sound = field("room")
    # Each half octave of X, Y and Z with a gain of its own, as microphones without calibration have.
    spectrum = np.fft.rfft(sound)
    band = (np.log2(np.fft.rfftfreq(sound.shape[1], 1 / RATE) + 1) * 2).astype(int)
    spectrum[1:] *= 10 ** (rng.uniform(0.05, 0.5, 40)[band])
    found = told(np.fft.irfft(spectrum).astype(np.float32))
    assert found.order is None
    assert found.normalisation is None
    assert "--order" in found.problems[0]
    assert "--normalisation" in found.problems[1]
    with_order = told(np.fft.irfft(spectrum).astype(np.float32), Said(order="FuMa"))
    assert (with_order.order, with_order.normalisation) == ("FuMa", "FuMa")
    assert any("goes with" in word for word in with_order.words)
    silent = told(np.zeros((4, RATE), np.float32))
    assert (silent.order, silent.normalisation) == (None, None)


def test_the_user_and_the_tags_are_heeded():
    sound = noisy(in_convention(field("room"), "fuma"))
    assert told(sound, Said("ACN", "SN3D")).ambix
    against = told(sound, Said(tagged=True))
    assert (against.order, against.normalisation) == ("FuMa", "FuMa")
    assert "tags say ACN" in against.problems[0]
    fine = told(noisy(field("room")), Said(tagged=True))
    assert fine.ambix
    assert not fine.problems
    # A dead X is no proof against tags.
    sound = field("room")
    sound[3] = 0
    found = told(noisy(sound), Said(tagged=True))
    assert found.ambix
    assert "--order fuma" in found.problems[0]


@pytest.mark.parametrize(
    ("places", "signs", "words"),
    [
        ([0, 3, 2, 1], [1, 1, 1, 1], "X is in the place of Y"),
        ([0, 2, 1, 3], [1, 1, 1, 1], "Z is in the place of Y"),
        ([0, 1, 2, 3], [1, 1, -1, 1], "Z is in the place of Z and inverted"),
        ([0, 1, 2, 3], [-1, 1, 1, 1], "W is inverted"),
    ],
)
def test_exchanged_and_inverted_channels_are_found_and_put_back(places, signs, words):
    truth = field("room", 2)
    broken = truth.copy()
    broken[:4] = truth[places] * np.array(signs)[:, None]
    found = told(noisy(broken))
    assert any(words in problem for problem in found.problems), found.problems
    assert not found.ambix
    order, gains = to_ambix(found)
    np.testing.assert_allclose(broken[order] * gains[:, None], truth, atol=1e-6)


def test_w_in_another_place_is_found_in_first_order():
    found = told(noisy(field("room")[[1, 0, 2, 3]]))
    assert any("channel 1 behaves as W" in problem for problem in found.problems)
    assert not any("behaves" in problem for problem in told(noisy(field("room"))).problems)


def test_an_order_made_by_a_decoder_is_undone():
    tracks, counts = [Track("7.1", "vorbis"), Track("7.1", "vorbis")], [8, 8]
    back = undone(tracks, counts)
    assert sorted(back) == list(range(16))
    decoded = np.empty((16, 2 * RATE))
    truth = field("room", 3)
    for k, place in enumerate(back):
        decoded[place] = truth[k]
    found = told(noisy(decoded), places=back)
    assert (found.order, found.normalisation) == ("ACN", "SN3D")
    assert found.places == back
    assert "order of loudspeakers" in found.problems[0]
    assert told(noisy(truth), places=back).ambix
    assert undone([Track("7.1", "flac")], [8]) == ()
    assert undone([Track("8 channels", "vorbis")], [8]) == ()


# Samples


def test_levels_copies_and_clipping():
    sound = field("room").astype(np.float32)
    heard = measure(sound, RATE)
    assert heard.levels == pytest.approx(10 * np.log10(np.mean(sound.astype(np.float64) ** 2, axis=1)), abs=1e-6)
    assert heard.copies == ()
    assert measure(np.stack([sound[0], sound[1], sound[1], sound[3]]), RATE).copies == ((1, 2),)
    tops = np.zeros((2, 50), np.float32)
    tops[0, 5:8], tops[0, 20:22], tops[1, 30:40], tops[1, 47:] = 1, 1, -1, 1
    assert clipped(tops) == 3
    assert measure(np.zeros((4, 10), np.float32), RATE).silent


def test_long_sounds_are_sampled(tmp_path):
    sound = np.zeros((1, 90 * 1000), np.float32)
    sound[0, 70_000:] = 0.1
    encode(tmp_path / "long.wav", None, 1.0, sound, 1000)
    kept, rate, length = samples([tmp_path / "long.wav"], 90.0)
    assert kept.shape == (1, 60_000)
    assert (rate, length) == (1000, 90.0)
    np.testing.assert_allclose(kept[0, -10_000:], 0.1, atol=1e-4)


# Pictures


def panorama(height=256, width=512, turn=0.0):
    """Smooth structure on the sphere in grey."""
    x, y, z = np.moveaxis(equirectangular(height, width), -1, 0)
    x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    return np.clip(127 + 60 * np.sin(6 * x + z) + 50 * np.cos(9 * y) * (1 - z * z), 0, 255).astype(np.uint8)


def test_panoramas_are_known_by_seam_and_poles():
    import cv2

    one, other = panorama(), panorama(turn=0.03)
    assert judge(one).panorama is True
    assert judge(one).stereo == "mono"
    stacked, beside = np.concatenate([one, other]), np.concatenate([one, other], axis=1)
    for picture, stereo in (
        (stacked, "top-bottom"),
        (beside, "left-right"),
        (cv2.resize(one, (640, 360)), "mono"),
        (cv2.resize(stacked, (640, 360)), "top-bottom"),
        (cv2.resize(beside, (512, 256)), "left-right"),
    ):
        found = judge(picture)
        assert (found.panorama, found.stereo) == (True, stereo), picture.shape
    assert "squeezed" in judge(cv2.resize(one, (640, 360))).words


def test_flat_pictures_are_none():
    one = panorama()
    assert judge(one[:, :384]).panorama is False  # a part of a panorama, 3:2
    assert judge(np.roll(one, 100, axis=1)[64:192, :256]).panorama is False  # 2:1, from within
    ramp = np.broadcast_to(np.linspace(0, 255, 512), (256, 512)).astype(np.uint8)
    assert judge(ramp).panorama is False
    # Poles, but no way around: a step at the seam, and noise, where every column differs from every other.
    azimuth, elevation = np.meshgrid(np.linspace(-np.pi, np.pi, 512), np.linspace(-np.pi / 2, np.pi / 2, 256))
    stepped = 127 + 80 * np.cos(elevation) * (np.sin(2 * azimuth + 1) + 0.1 * azimuth / np.pi)
    assert judge(stepped.astype(np.uint8)).panorama is False
    assert judge((stepped - 8 * np.cos(elevation) * azimuth / np.pi).astype(np.uint8)).panorama is True
    noise = np.random.default_rng(0).uniform(-1, 1, stepped.shape)
    assert judge((127 + 120 * np.cos(elevation) * noise).astype(np.uint8)).panorama is False
    barred = one.copy()
    barred[:30], barred[-30:], barred[:, :20], barred[:, -20:] = 0, 0, 0, 0
    assert judge(barred).panorama is None  # black bars meet at any seam
    assert judge(np.full((256, 512), 9, np.uint8)).panorama is None
    assert judge(np.zeros((4, 8), np.uint8)).panorama is False


# Files


def frames(count=12, **shape):
    return np.stack([np.repeat(panorama(turn=0.05 * k, **shape)[..., None], 3, axis=2) for k in range(count)])


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Files that are right, and files with one thing wrong each."""
    root, first = tmp_path_factory.mktemp("media"), Ambisonic.ambix(1)
    pictures, sphere, sound = frames(), Spherical(2, "equirectangular"), noisy(field("room", seconds=1.5))
    fuma, flat = noisy(in_convention(field("room", seconds=1.5), "fuma")), np.ascontiguousarray(frames()[:, :, :384])

    def write(name, frames, sound, tags=NO_TAGS, **options):
        encode(root / name, frames, 8.0, sound, RATE, tags=tags, **options)

    write("right.mp4", pictures, sound, Tags(sphere, first))
    write("right.mov", pictures, sound, Tags(sphere, first))
    write("untagged.mov", pictures, sound, audio_codec="pcm_s24le")
    write("fuma.mov", pictures, fuma, audio_codec="pcm_s24le")
    write("mistagged.mov", pictures, fuma, Tags(sphere, first))
    write("flat.mp4", flat, sound, Tags(sphere, first))
    write("stereo.mp4", pictures, sound, Tags(Spherical(2, "equirectangular", "top-bottom"), first))
    write("late.mov", pictures, sound[:, :RATE], Tags(sphere, first))
    write("mute.mp4", pictures, None, Tags(sphere))
    write("n3d.wav", None, noisy(in_convention(field("room", 2), "n3d")), audio_codec="pcm_s24le")
    return root


def test_json_has_exactly_these_keys(media):
    for name in ("right.mp4", "mute.mp4", "n3d.wav"):
        assert list(examine([media / name]).json()) == KEYS
    facts = examine([media / "right.mp4"]).json()
    assert facts | {"level_db": 0} == {
        "spherical": True,
        "stereo_layout": "mono",
        "ambisonic_order": 1,
        "channel_order": "ACN",
        "normalisation": "SN3D",
        "dead_channels": [],
        "level_db": 0,
        "problems": [],
        "fixes": [],
    }
    assert facts["level_db"] == pytest.approx(20 * np.log10(0.05), abs=0.2)


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("right.mov", []),
        ("mute.mp4", []),
        ("untagged.mov", ["no tag says so", "no tag (SA3D)"]),
        ("fuma.mov", ["no tag says so", "no tag (SA3D)", "FuMa order", "weights are those of FuMa"]),
        ("mistagged.mov", ["the tags say ACN and SN3D, the signal says FuMa", "FuMa order", "weights"]),
        ("flat.mp4", ["the picture is flat"]),
        ("stereo.mp4", ["the tags say 360°, top-bottom, the picture is mono"]),
        ("n3d.wav", ["weights are those of N3D"]),
    ],
)
def test_problems_are_named_and_mended(media, name, problems, tmp_path):
    before = examine([media / name])
    assert len(before.problems) == len(problems), before.problems
    for said, expected in zip(before.problems, problems, strict=True):
        assert expected in said
    out = tmp_path / f"mended{Path(name).suffix}"
    said = mend(before, out)
    if not problems:
        assert "nothing to mend" in said
        assert not out.exists()
        return
    assert "no problem left" in said
    after = examine([out])
    assert not after.problems
    assert after.json()["spherical"] == before.json()["spherical"]
    if before.seen.width:
        np.testing.assert_array_equal(decode.frames(out, 0.0, 12, 8.0), decode.frames(media / name, 0.0, 12, 8.0))
    assert list(tmp_path.iterdir()) == [out]


def test_mended_sound_is_the_truth_and_untouched_sound_is_the_same(media, tmp_path):
    truth = field("room", seconds=1.5)
    fix(examine([media / "fuma.mov"]), tmp_path / "mended.mov")
    heard = decode.sound(tmp_path / "mended.mov", 0.0, 1.5, RATE)
    noise = noisy(in_convention(truth, "fuma")) - in_convention(truth, "fuma")
    np.testing.assert_allclose(heard, truth + convert(torch.from_numpy(noise), "fuma").numpy(), atol=1e-6)
    fix(examine([media / "untagged.mov"]), tmp_path / "tagged.mov")
    one, other = (decode.sound(path, 0.0, 1.5, RATE) for path in (media / "untagged.mov", tmp_path / "tagged.mov"))
    np.testing.assert_array_equal(one, other)
    # Opus and H.264 are copied too.
    right, bare = tmp_path / "right.mp4", tmp_path / "bare.mp4"
    encode(right, frames(), 8.0, noisy(truth), 48000, tags=Tags(Spherical(2, "equirectangular"), Ambisonic.ambix(1)))
    write_tags(right, bare, NO_TAGS)
    fix(examine([bare]), tmp_path / "again.mp4")
    assert read_tags(tmp_path / "again.mp4") == read_tags(right)
    one, other = (decode.sound(path, 0.0, 0.5, 48000) for path in (right, tmp_path / "again.mp4"))
    np.testing.assert_array_equal(one, other)


def test_mending_does_not_clip(tmp_path):
    sound = in_convention(field("room"), "fuma")
    loud = (0.99 * sound / np.abs(sound).max()).astype(np.float32)
    encode(tmp_path / "loud.wav", None, 1.0, loud, RATE)
    notes = fix(examine([tmp_path / "loud.wav"], Said("FuMa", "FuMa")), tmp_path / "mended.wav")
    mended = decode.sound(tmp_path / "mended.wav", 0.0, 2.0, RATE)
    expected = convert(torch.from_numpy(loud.astype(np.float64)), "fuma").numpy()
    assert np.abs(expected).max() > 1
    assert "softer" in notes[0]
    np.testing.assert_allclose(mended, expected * 0.999 / np.abs(expected).max(), atol=1e-4)


def test_contradictory_and_permuting_tags(media, tmp_path):
    # A tag that claims the second order for a sound of four channels, and one that says where the channels are.
    data = bytearray((media / "right.mov").read_bytes())
    at = data.index(b"SA3D")
    data[at + 9] = 2
    (tmp_path / "order.mov").write_bytes(data)
    found = examine([tmp_path / "order.mov"])
    assert "contradict" in found.problems[0]
    assert found.json()["channel_order"] == "ACN"
    assert "no problem left" in mend(found, tmp_path / "a.mov")
    permuted = Ambisonic(1, "ACN", "SN3D", (0, 2, 3, 1))
    encode(tmp_path / "plain.mov", None, 1.0, noisy(field("room"))[[0, 3, 1, 2]], RATE, audio_codec="pcm_s24le")
    write_tags(tmp_path / "plain.mov", tmp_path / "permuted.mov", Tags(None, permuted))
    found = examine([tmp_path / "permuted.mov"])
    assert found.json()["channel_order"] == "ACN"
    assert "not in ACN order" in found.problems[0]
    fix(found, tmp_path / "b.mov")
    assert not examine([tmp_path / "b.mov"]).problems
    heard = decode.sound(tmp_path / "b.mov", 0.0, 2.0, RATE)
    np.testing.assert_allclose(heard, noisy(field("room")), atol=1e-6)


def test_channels_of_several_files_are_joined(tmp_path):
    sound = noisy(field("room", 3))
    for name, part in (("a.flac", sound[:8]), ("b.flac", sound[8:])):
        encode(tmp_path / name, None, 1.0, part, RATE)
    files = [tmp_path / "a.flac", tmp_path / "b.flac"]
    found = examine(files)
    assert found.json()["ambisonic_order"] == 3
    assert found.problems == ("its channels are spread over 2 files",)
    fix(found, tmp_path / "whole.mov")
    assert not examine([tmp_path / "whole.mov"]).problems
    assert "both files" in " ".join(examine(files[:1]).sound.words)
    encode(tmp_path / "other.flac", None, 1.0, sound[:8], 8000)
    with pytest.raises(InputError, match="one sampling rate"):
        examine([files[0], tmp_path / "other.flac"])


def test_six_channels_and_five(tmp_path):
    pair = 0.02 * np.random.default_rng(5).normal(size=(2, 2 * RATE))
    six = np.concatenate([noisy(field("room")), pair]).astype(np.float32)
    encode(tmp_path / "six.wav", None, 1.0, six, RATE)
    found = examine([tmp_path / "six.wav"])
    assert found.sound.ambisonic == Ambisonic.ambix(1, head_locked=True)
    assert not found.problems
    unrelated = (0.05 * np.random.default_rng(6).normal(size=(6, RATE)) * [[1], [1], [2], [0.1], [1], [1]]).astype("f4")
    for count in (6, 5):
        encode(tmp_path / "speakers.wav", None, 1.0, unrelated[:count], RATE)
        found = examine([tmp_path / "speakers.wav"])
        assert found.json()["ambisonic_order"] is None
        assert f"{count} channels of unknown layout" in found.problems[0]
    encode(tmp_path / "speakers.wav", None, 1.0, unrelated, RATE)
    assert examine([tmp_path / "speakers.wav"], Said("ACN", "SN3D")).json()["ambisonic_order"] == 1
    encode(tmp_path / "fuma6.mov", None, 1.0, np.concatenate([in_convention(six[:4], "fuma"), six[4:]]), RATE)
    fix(examine([tmp_path / "fuma6.mov"], Said("FuMa", "FuMa")), tmp_path / "six.mov")
    assert read_tags(tmp_path / "six.mov").ambisonic == Ambisonic.ambix(1, head_locked=True)


def test_sounds_that_are_wrong_in_themselves(tmp_path):
    def problems(sound, name="a.wav"):
        encode(tmp_path / name, None, 1.0, np.asarray(sound, np.float32), RATE)
        return " ".join(examine([tmp_path / name]).problems)

    room = noisy(field("room"))
    assert "silent" in problems(0 * room)
    assert "clipped" in problems(np.clip(60 * room, -1, 1))
    assert "all channels are the same" in problems(np.stack([room[0]] * 4))
    assert "channels 1 and 2 are the same" in problems(room[[0, 1, 1, 3]])
    assert "W is dead" in problems(room * [[0], [1], [1], [1]])
    assert "Y is dead: left and right" in problems(noisy(field("room", 2) * np.array([[1, 0, *[1] * 7]]).T))
    assert not problems(room[:2])
    assert examine([tmp_path / "a.wav"]).json()["ambisonic_order"] is None


def test_picture_and_sound_of_different_length(media):
    found = examine([media / "late.mov"])
    assert found.problems == ("the picture lasts 1.50 s and the sound 1.00 s",)
    assert not found.fixes


def test_files_that_cannot_be_read(media, tmp_path):
    (tmp_path / "words.mp4").write_text("no media\n" * 100)
    with pytest.raises(InputError, match="not a media file"):
        examine([tmp_path / "words.mp4"])
    with pytest.raises(InputError, match="found none"):
        examine([tmp_path / "nowhere.mp4"])
    with pytest.raises(InputError, match="seehear doctor FILE"):
        examine([])
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 4)), RATE)
    assert "cannot be decoded" in examine([tmp_path / "empty.wav"]).problems[0]
    for name, kind in (("right.mov", b"SA3D"), ("mute.mp4", b"sv3d"), ("mute.mp4", b"stsd")):
        data = (media / name).read_bytes()
        for size in (0, 1, 7, 2**31, 2**32 - 1):
            hostile = bytearray(data)
            hostile[data.index(kind) - 4 : data.index(kind)] = size.to_bytes(4)
            (tmp_path / "hostile.mov").write_bytes(hostile)
            with suppress(InputError):
                examine([tmp_path / "hostile.mov"])


def test_what_cannot_be_written_is_refused(media, tmp_path):
    right, fuma = examine([media / "right.mov"]), examine([media / "fuma.mov"])
    with pytest.raises(InputError, match="ends in"):
        mend(fuma, tmp_path / "a.mkv")
    with pytest.raises(InputError, match="ends in"):
        mend(fuma, tmp_path / "a.wav")
    with pytest.raises(InputError, match="another name"):
        mend(fuma, media / "fuma.mov")
    unknown = replace(fuma.sound.convention, order=None)
    with pytest.raises(InputError, match="--order"):
        mend(replace(fuma, sound=replace(fuma.sound, convention=unknown)), tmp_path / "a.mov")
    assert "nothing to mend" in mend(right, tmp_path / "a.mov")
    assert list(tmp_path.iterdir()) == []
    encode(tmp_path / "a.webm", frames(4), 8.0, None, 1)
    found = examine([tmp_path / "a.webm"])
    with pytest.raises(InputError, match="as it is"):
        fix(found, tmp_path / "a.mov")


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared media")
@pytest.mark.parametrize(
    ("names", "order", "convention_of"),
    [
        (["rir_jsamb_room1_foa.wav"], 1, ("FuMa", "FuMa")),
        (["foa_datavized_beach_4ch_aac.mp4"], 1, ("FuMa", "SN3D")),
        (["hoa3_jsamb_rec1_01-08ch.ogg", "hoa3_jsamb_rec1_09-16ch.ogg"], 3, ("ACN", "N3D")),
        (["hoa3_jsamb_rec2_01-08ch.ogg", "hoa3_jsamb_rec2_09-16ch.ogg"], 3, ("ACN", "N3D")),
        (["hoa3_omnitone_3oa_ch0-ch7.flac", "hoa3_omnitone_3oa_ch8-ch15.flac"], 3, ("ACN", "SN3D")),
        (["foa_sotanmochi_ambix_48k.wav"], 1, (None, None)),
    ],
)
def test_real_recordings(names, order, convention_of):
    facts = examine([SHARED / name for name in names]).json()
    assert facts["ambisonic_order"] == order
    assert (facts["channel_order"], facts["normalisation"]) == convention_of
