# SPDX-License-Identifier: Apache-2.0
"""Several processes as one: sharing tensors, and the engine (accelerate, or plain torch) that a training step runs on.

Without an initialised process group every function here does nothing, so that the rest of the code never asks.
"""

import atexit
import ctypes
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Protocol, runtime_checkable

import torch
import torch.distributed as group
from jaxtyping import Float
from torch import Tensor, nn

from seehear.errors import InputError


def part() -> tuple[int, int]:
    """Number of the calling process, and how many there are."""
    return (group.get_rank(), group.get_world_size()) if group.is_initialized() else (0, 1)


class _Gather(torch.autograd.Function):
    """Concatenation over processes whose gradient is the sum of what every process asks of this process's share."""

    @staticmethod
    def forward(context: Any, shared: Tensor) -> Tensor:
        pieces = [torch.empty_like(shared) for _ in range(group.get_world_size())]
        group.all_gather(pieces, shared.contiguous())
        return torch.cat(pieces)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        # A copy, because others may look at the gradient too.
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        group.all_reduce(total)
        return total.chunk(group.get_world_size())[group.get_rank()]


def gather(share: Tensor) -> Tensor:
    """The shares [B, ...] of all processes as one tensor, in process order, with gradients to every share."""
    return _Gather.apply(share) if part()[1] > 1 else share


def mean(value: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """The mean of a value over processes."""
    if part()[1] > 1:
        value = value.clone()
        group.all_reduce(value)
        value /= part()[1]
    return value


def anywhere(flag: bool, device: torch.device) -> bool:
    """Whether any process says so: clocks and keys do not speak to all at the same step, but all must stop at one."""
    if part()[1] == 1:
        return flag
    said = torch.tensor(int(flag), device=device)
    group.all_reduce(said, group.ReduceOp.MAX)
    return bool(said)


def wait() -> None:
    """Let every process come to this point before any goes on."""
    if part()[1] > 1:
        group.barrier()


def _leave() -> None:
    if group.is_initialized():
        group.destroy_process_group()


@runtime_checkable
class Engine(Protocol):
    """What the training loop needs of accelerate."""

    device: torch.device

    def prepare(self, *objects: Any) -> Any:
        """Move modules to the device and wrap them for several processes."""

    def backward(self, loss: Tensor) -> None:
        """Accumulate gradients."""

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of mixed precision."""

    def clip_grad_norm_(self, parameters: Any, max_norm: float) -> Tensor | None:
        """Scale gradients down to a norm and return the norm they had."""


class _Plain:
    """One process on one device in float32, for machines without accelerate."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def prepare(self, *objects: Any) -> Any:
        for one in objects:
            if isinstance(one, nn.Module):
                one.to(self.device)
        return objects if len(objects) > 1 else objects[0]

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def autocast(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def clip_grad_norm_(self, parameters: Any, max_norm: float) -> Tensor:
        return nn.utils.clip_grad_norm_(parameters, max_norm)


def _keep_memory() -> None:
    """Let the C library keep what a step frees: taking it back from the system page by page costs a tenth of a step."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        trim_threshold, mmap_threshold = -1, -3  # names of <malloc.h>, in bytes
        library.mallopt(trim_threshold, 2**31 - 1)
        library.mallopt(mmap_threshold, 2**25)


def engine(device: str = "auto") -> Engine:
    """The engine of this machine: accelerate when it is installed (bfloat16 on a GPU, float32 on the CPU)."""
    there = torch.cuda.is_available()
    if device not in ("auto", "cpu") and not device.startswith("cuda"):
        raise InputError(f"expected --device auto, cpu, cuda or cuda:N, got {device}")
    if device.startswith("cuda") and not there:
        raise InputError(f"expected a GPU for --device {device}, found none: use --device cpu")
    gpu = there and device != "cpu"
    if not gpu:
        _keep_memory()
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError:
        return _Plain(torch.device(device if device.startswith("cuda") else "cuda" if gpu else "cpu"))
    if device.startswith("cuda:"):
        torch.cuda.set_device(device)
    # Buffers are memories that every process updates alike: sending them at every step would cost gigabytes.
    wrapping = DistributedDataParallelKwargs(broadcast_buffers=False)
    # A process that leaves with its group's threads still running is aborted by the C++ library.
    atexit.register(_leave)
    return Accelerator(cpu=not gpu, mixed_precision="bf16" if gpu else "no", kwargs_handlers=[wrapping])
