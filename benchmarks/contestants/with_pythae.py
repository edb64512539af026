"""pythae, with PyTorch's own layers of the paper's models."""

import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from task import BATCH, EPSILON, RATE, Contestant, Task
from torch import nn
from with_torch import initialise_as_keras, pictures_of, torch_layers


def pythae(task: Task) -> Contestant:
    """pythae's VAE and its BaseTrainer; its configuration is left alone but for the optimizer."""

    layers, features, decoding = torch_layers(task.model, task.train.shape[1])

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*layers)
            self.mean = nn.Linear(features, task.latent)
            self.log_variance = nn.Linear(features, task.latent)

        def forward(self, x: Any) -> Any:
            hidden = self.body(x)
            return ModelOutput(
                embedding=self.mean(hidden), log_covariance=self.log_variance(hidden)
            )

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*decoding)

        def forward(self, z: Any) -> Any:
            return ModelOutput(reconstruction=self.body(z))

    shape = (3, *task.train.shape[1:3])
    model = VAE(VAEConfig(input_dim=shape, latent_dim=task.latent), Encoder(), Decoder())
    torch.manual_seed(0)
    initialise_as_keras(model)
    pictures = torch.from_numpy(task.train.transpose(0, 3, 1, 2).copy()).float().div_(255)
    settings = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        optimizer_params={"eps": EPSILON},
        no_cuda=task.device == "cpu",
    )
    dataset = BaseDataset(pictures, torch.zeros(len(pictures)))
    trainer = BaseTrainer(model=model, train_dataset=dataset, training_config=settings)
    trainer.prepare_training()

    def epochs() -> Iterator[Any]:
        epoch = 0
        while True:
            epoch += 1
            trainer.train_step(epoch)
            yield

    def outputs(images: Any, noise: Any) -> tuple[Any, Any, Any]:
        model.eval()
        with torch.no_grad():
            said = model.encoder(pictures_of(images).to(trainer.device))
            mean, logs = said.embedding, said.log_covariance
            code = mean + torch.exp(0.5 * logs) * torch.from_numpy(noise).to(trainer.device)
            made = model.decoder(code).reconstruction
        return made.permute(0, 2, 3, 1).cpu(), mean.cpu(), logs.cpu()

    versions = f"pythae {version('pythae')}, PyTorch {torch.__version__}"
    return Contestant(versions, "float32", epochs(), outputs)
