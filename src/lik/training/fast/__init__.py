"""What makes a training fast and leaves its results as they are; it can be read last, or never.

`build_step` of `lik.training.running` goes through this one entrance:

    prepare        how the process hands out memory, and which algorithms it may choose
    choose_acceleration   precision, compilation, recording, as they suit the machine
    quicken        layers of a model in forms that are quick to train
    InPrecision, quick_loss     the loss in lower precision, and compiled
    CudaRecorder, GraphedStep   the step, recorded as a CUDA graph
    SharedPasses, replicate     passes of a batch that workers share

A plain `Step` with a plain loss on the same model computes the same, more slowly; but for batch
normalisation, which is over a share where batches are shared.
"""

from lik.training.fast.acceleration import (
    Acceleration,
    DeviceSettings,
    choose_acceleration,
    compiler,
    prepare,
)
from lik.training.fast.convolutions import quicken
from lik.training.fast.graph import CudaRecorder, GraphedStep
from lik.training.fast.losses import InPrecision, quick_loss
from lik.training.fast.sharing import SharedPasses, replicate

__all__ = [
    "Acceleration",
    "CudaRecorder",
    "DeviceSettings",
    "GraphedStep",
    "InPrecision",
    "SharedPasses",
    "choose_acceleration",
    "compiler",
    "prepare",
    "quick_loss",
    "quicken",
    "replicate",
]
