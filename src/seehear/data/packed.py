# SPDX-License-Identifier: Apache-2.0
"""How a clip is packed: pictures that can be decoded a few at a time, and sound that can be entered anywhere.

Pictures are one string of bytes and the offsets [T + 1] of its T pieces. Profile "jpeg": piece k is frame k as a JPEG.
Profile "h264": piece k is the H.264 access unit (Annex B) of frame k; every `gop`-th is a key frame and none looks
ahead, so that frame k needs the pieces from gop floor(k / gop) to k. Sound is FLAC of 16 bits, or interleaved 16-bit
PCM for more channels than FLAC has room for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from math import ceil, floor, gcd
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from seehear.errors import MediaError
from seehear.signal.resample import resample

Profile = Literal["jpeg", "h264"]

GOP = 8  # frames between key frames: half a second at 16 frames/s
_JPEG_QUALITY = 85
_H264_CRF = 20
_FLAC_CHANNELS = 8
_MARGIN = 0.05  # s; longer than the resampling filter


@dataclass(frozen=True)
class Pictures:
    """Packed frames: `data`, the offsets of its pieces, and the distance of key frames (1 for JPEG)."""

    data: bytes | memoryview
    offsets: Int64[np.ndarray, "T_1"]
    gop: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def piece(self, index: int) -> memoryview:
        return memoryview(self.data)[self.offsets[index] : self.offsets[index + 1]]


def pack_jpeg(frames: Sequence[UInt8[np.ndarray, "H W 3"]]) -> Pictures:
    """Pack frames whose channels are in the order blue, green, red."""
    import cv2

    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return _joined([cv2.imencode(".jpg", frame, quality)[1].tobytes() for frame in frames], 1)


def pack_h264(frames: Sequence[UInt8[np.ndarray, "H W 3"]], fps: float, gop: int = GOP) -> Pictures:
    """Pack frames whose channels are in the order blue, green, red; height and width are even."""
    from av import CodecContext, VideoFrame

    encoder: Any = CodecContext.create("libx264", "w")
    encoder.height, encoder.width = frames[0].shape[:2]
    encoder.pix_fmt, encoder.thread_count = "yuv420p", 1
    encoder.time_base = 1 / Fraction(fps).limit_denominator(1001)
    encoder.gop_size, encoder.max_b_frames = gop, 0
    # Exactly one key frame every `gop` frames, and every access unit decodable when it arrives.
    encoder.options = {
        "preset": "veryfast",
        "crf": str(_H264_CRF),
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0",
    }
    pieces = []
    for index, picture in enumerate((*frames, None)):
        frame = None if picture is None else VideoFrame.from_ndarray(picture, format="bgr24")
        if frame is not None:
            frame.pts = index
        pieces += [bytes(packet) for packet in encoder.encode(frame)]
    return _joined(pieces, gop)


def _joined(pieces: list[bytes], gop: int) -> Pictures:
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
    return Pictures(b"".join(pieces), offsets, gop)


def unpack(pictures: Pictures, indices: Int64[np.ndarray, "T"], profile: str) -> UInt8[np.ndarray, "T H W 3"]:
    """The frames of these ascending indices, red first; no other JPEG is touched, and no other group of H.264."""
    wanted = np.unique(indices)
    decoded = _unpack_jpeg(pictures, wanted) if profile == "jpeg" else _unpack_h264(pictures, wanted)
    return np.stack([decoded[int(index)] for index in indices])


def _unpack_jpeg(pictures: Pictures, wanted: Int64[np.ndarray, "N"]) -> dict[int, Any]:
    import cv2

    decoded = {}
    for index in wanted.tolist():
        piece = np.frombuffer(pictures.piece(index), dtype=np.uint8)
        decoded[index] = cv2.imdecode(piece, cv2.IMREAD_COLOR_RGB)
        if decoded[index] is None:
            raise MediaError("packed clip", "corrupt", f"frame {index} is not a JPEG")
    return decoded


def _unpack_h264(pictures: Pictures, wanted: Int64[np.ndarray, "N"]) -> dict[int, Any]:
    from av import CodecContext, Packet
    from av.error import FFmpegError

    decoder: Any = CodecContext.create("h264", "r")
    decoder.thread_count = 1
    decoder.options = {"flags": "low_delay"}
    needed = set(wanted.tolist())
    decoded: dict[int, Any] = {}
    try:
        for group in sorted({index // pictures.gop for index in needed}):
            first = group * pictures.gop
            last = max(index for index in needed if index // pictures.gop == group)
            for index in range(first, last + 1):
                packet = Packet(bytes(pictures.piece(index)))
                packet.pts = packet.dts = index
                for frame in decoder.decode(packet):
                    if frame.pts in needed:
                        decoded[frame.pts] = frame.to_ndarray(format="rgb24")
        for frame in decoder.decode(None):
            if frame.pts in needed:
                decoded[frame.pts] = frame.to_ndarray(format="rgb24")
    except FFmpegError as error:
        raise MediaError("packed clip", "corrupt", "its H.264 cannot be decoded") from error
    return decoded


def pack_sound(sound: Float32[np.ndarray, "C N"], rate: int) -> tuple[str, bytes]:
    """The name of the coding and the bytes of the sound."""
    samples = np.round(np.clip(sound, -1, 32767 / 32768) * 32768).astype("<i2").T
    if len(sound) > _FLAC_CHANNELS:
        return "pcm_s16le", samples.tobytes()
    import soundfile

    written = BytesIO()
    with soundfile.SoundFile(written, "w", rate, len(sound), "PCM_16", format="FLAC", compression_level=0.5) as file:
        file.write(samples)
    return "flac", written.getvalue()


def decode_sound(coding: str, data: bytes | memoryview) -> bytes:
    """The whole of a packed sound as interleaved 16-bit PCM, coding "pcm_s16le"; the samples are the same."""
    if coding == "pcm_s16le":
        return bytes(data)
    import soundfile

    try:
        return soundfile.read(BytesIO(data), dtype="int16", always_2d=True)[0].tobytes()
    except soundfile.LibsndfileError as error:
        raise _broken() from error


def cut_packed(
    coding: str, data: bytes | memoryview, channels: int, source_rate: int, start: float, duration: float, rate: int
) -> Float32[np.ndarray, "C N"]:
    """The sound of [start, start + duration) s at `rate` Hz, decoding little more than that; zeros outside.

    Like `media.sounds`, a window at another rate equals the same piece of the whole at that rate.
    """
    common = gcd(source_rate, rate)
    first, count = round(start * rate), round(duration * rate)
    margin = 0.0 if rate == source_rate else _MARGIN
    tick = floor((first / rate - margin) * common + 1e-9)
    offset = first - tick * (rate // common)
    begin = tick * (source_rate // common)
    length = ceil((offset + count) / rate * source_rate + margin * source_rate - 1e-9)
    piece = np.zeros((channels, length), dtype=np.float32)
    inside = _samples(coding, data, channels, max(begin, 0), begin + length - max(begin, 0))
    at = max(-begin, 0)
    piece[:, at : at + inside.shape[1]] = inside
    return resample(piece, source_rate, rate, offset + count)[:, offset:]


def _samples(
    coding: str, data: bytes | memoryview, channels: int, first: int, count: int
) -> Float32[np.ndarray, "C N"]:
    """At most `count` samples from `first` on, as many as there are."""
    if coding == "pcm_s16le":
        samples = np.frombuffer(data, dtype="<i2").reshape(-1, channels)[first : first + max(count, 0)]
        return samples.T.astype(np.float32) / 32768
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            if count <= 0 or first >= file.frames:
                return np.zeros((channels, 0), dtype=np.float32)
            file.seek(first)
            read: Float32[np.ndarray, "N C"] = file.read(count, dtype="float32", always_2d=True)
            return read.T
    except soundfile.LibsndfileError as error:
        raise _broken() from error


def _broken() -> MediaError:
    return MediaError("packed clip", "corrupt", "its FLAC cannot be decoded")
