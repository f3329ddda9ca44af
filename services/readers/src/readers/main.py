"""Starts the service; see lms_http.service for its life and its exit statuses."""

from lms_http.service import run
from readers.api import build

try:
    from build_version import VERSION
except ImportError:  # run from the sources, not from the packed program
    VERSION = "unpacked"


def main():
    return run("readers", VERSION, build)
