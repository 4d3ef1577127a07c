"""`fototui` without a command: the operator's terminal."""

from fototui.cli.demo import show_demo
from fototui.cli.runner import run, say
from fototui.runtime.drawable import require_terminal
from fototui.runtime.options import TerminalOptions


def open_terminal(options: TerminalOptions) -> None:
    """Run the app until the operator leaves it; ask for the settings where there are none.

    Args:
        options: How it is started.

    Raises:
        ConfigurationError: Settings are wrong.
    """
    require_terminal()
    from fototui.config.settings import load_settings
    from fototui.runtime.terminal import (
        find_renderer,
        logging_to_file,
        set_up,
        show_app,
        speak,
    )

    settings = load_settings()
    speak(settings, options)
    if settings.database_url is None:
        match run(set_up()):
            case "connect":
                settings = load_settings()
            case "demo":
                show_demo(options)
                return
            case _:
                return
    renderer = find_renderer(settings, options)
    with logging_to_file(settings) as no_log:
        run(show_app(settings, options, renderer, say=say, notice=no_log))
