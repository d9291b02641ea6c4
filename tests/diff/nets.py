"""A small network and the ways in which somebody may change it."""

from torch import nn

INPUT = (1, 3, 64, 64)


class Block(nn.Module):
    """A residual block, its second convolution dilated."""

    def __init__(self, channels, stride, dilation):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.down = nn.Conv2d(channels, channels, 1, stride=stride)

    def forward(self, x):
        return self.conv2(self.relu(self.conv1(x))) + self.down(x)


class Net(nn.Module):
    """A stem, two blocks of which the second can be renamed, and a classifier."""

    def __init__(self, *, stride=2, dilation=2, name="layer2", between=None):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 7, stride=2, padding=3)
        self.layer1 = Block(8, 1, 1)
        self.between = between
        self.last = name
        self.add_module(name, Block(8, stride, dilation))
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = self.layer1(self.stem(x))
        if self.between is not None:
            x = self.between(x)
        return self.fc(getattr(self, self.last)(x).mean((2, 3)))
