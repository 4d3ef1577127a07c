"""That lane's table; a plugin of pytest too, since the program's own models are there at once."""

from sqlalchemy.orm import Mapped, mapped_column

from fototui.db.models.columns import FileRow
from fototui.db.types import status_enum
from tests.engine.echo_lane.declared import EchoStatus


class Echo(FileRow):
    """Words to be said aloud."""

    __tablename__ = "echoes"

    status: Mapped[EchoStatus] = mapped_column(status_enum(EchoStatus), default=EchoStatus.QUEUED)
    words: Mapped[str]
