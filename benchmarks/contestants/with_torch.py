"""The paper's models in PyTorch's own layers, and the loop that one writes by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from task import BATCH, EPSILON, LATENT, RATE, Contestant, Task
from torch import nn


def pictures_of(images: Any) -> Any:
    """Arrays (B, S, S, 3) → tensors (B, 3, S, S)."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def torch_layers(model: str, size: int) -> tuple[list[Any], int, list[Any]]:
    """Encoder layers, the number of features they end in, and decoder layers."""

    class KeepFirst(nn.Module):
        """Keras' 'same' padding of a 3×3 transposed convolution."""

        def forward(self, features: Any) -> Any:
            return features[:, :, :-1, :-1]

    def normalised(channels: int) -> list[Any]:
        return [nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), nn.LeakyReLU(0.3)]

    latent = LATENT[model]
    if model == "first":
        side = size // 8
        encoder: list[Any] = []
        for channels in (3, 32, 32):
            encoder += [nn.Conv2d(channels, 32, 4, stride=2, padding=1), nn.ReLU()]
        decoder = [
            nn.Linear(latent, 32 * side * side), nn.Unflatten(1, (32, side, side)),
            nn.Conv2d(32, 256, 1), nn.ReLU(), nn.Conv2d(256, 256, 1), nn.ReLU(),
            nn.ConvTranspose2d(256, 32, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(32, 3, 4, stride=2, padding=1), nn.Sigmoid(),
        ]  # fmt: skip
        features = 32 * side * side
    else:
        side = size // 16
        encoder = []
        for before, after in ((3, 32), (32, 64), (64, 128), (128, 256)):
            encoder += [nn.Conv2d(before, after, 4, stride=2, padding=1), *normalised(after)]
        decoder = [nn.Linear(latent, 256 * side * side), nn.Unflatten(1, (256, side, side))]
        for before, after in ((256, 128), (128, 64), (64, 32)):
            decoder += [nn.ConvTranspose2d(before, after, 3, stride=2), KeepFirst()]
            decoder += normalised(after)
        decoder += [nn.ConvTranspose2d(32, 3, 3, stride=2), KeepFirst(), nn.Sigmoid()]
        features = 256 * side * side
    return [*encoder, nn.Flatten()], features, decoder


def initialise_as_keras(module: Any) -> None:
    """Glorot uniform weights, zero biases."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def eager(task: Task) -> Contestant:
    """The loop that one writes by hand: float32 tensors on the device, autograd, Adam."""
    torch.manual_seed(0)
    device = torch.device(task.device)
    layers, features, decoding = torch_layers(task.model, task.train.shape[1])
    body, decoder = nn.Sequential(*layers), nn.Sequential(*decoding)
    mean_head, variance_head = nn.Linear(features, task.latent), nn.Linear(features, task.latent)
    model = nn.ModuleList([body, mean_head, variance_head, decoder])
    initialise_as_keras(model)
    model.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, eps=EPSILON)
    pictures = torch.from_numpy(task.train.transpose(0, 3, 1, 2).copy()).to(device)

    def passes(images: Any, noise: Any) -> tuple[Any, Any, Any]:
        hidden = body(images)
        mean, log_variance = mean_head(hidden), variance_head(hidden)
        return decoder(mean + torch.exp(0.5 * log_variance) * noise), mean, log_variance

    def epochs() -> Iterator[Any]:
        while True:
            model.train()
            for chosen in torch.randperm(len(pictures), device=device).split(BATCH):
                images = pictures[chosen].float() / 255
                noise = torch.randn(len(images), task.latent, device=device)
                made, mean, log_variance = passes(images, noise)
                kl = 0.5 * (log_variance.exp() + mean**2 - log_variance - 1).sum(1)
                loss = (0.5 * ((images - made) ** 2).flatten(1).sum(1) + kl).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            yield

    def outputs(images: Any, noise: Any) -> tuple[Any, Any, Any]:
        model.eval()
        with torch.no_grad():
            made, mean, logs = passes(
                pictures_of(images).to(device), torch.from_numpy(noise).to(device)
            )
        return made.permute(0, 2, 3, 1).cpu(), mean.cpu(), logs.cpu()

    return Contestant(f"PyTorch {torch.__version__}", "float32", epochs(), outputs)
