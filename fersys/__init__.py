"""FER-Sys: which of seven expressions a face shows.

import fersys

cnn = fersys.load("hub/models/fersys-cnn")
for result in fersys.analyze(fersys.read_image("photo.jpg"), [cnn]):
    print(result.face.box, result.predictions[0].label)
"""

from fersys.analysis import FaceResult, analyze
from fersys.errors import FerSysError
from fersys.face_mesh import Mesh, mesh
from fersys.faces import detect
from fersys.images import read_image
from fersys.labels import EMOTIONS
from fersys.package import load
from fersys.results import Face, Prediction

__all__ = ["EMOTIONS", "Face", "FaceResult", "FerSysError", "Mesh", "Prediction", "analyze", "detect", "load", "mesh", "read_image"]
__version__ = "0.1.0"
