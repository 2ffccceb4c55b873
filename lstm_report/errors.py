"""What stands for a mistake a user can make and mend, and for what may be one."""


class UserError(Exception):
    """A problem with what the user supplied, told in one sentence.

    The sentence names what was expected, what came and what to do. The command line prints it
    without a traceback and exits with code 2; a notebook fails, and shows the sentence alone.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


def reason(error: BaseException) -> str:
    """Return the first line of what an error says, or its name when it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class FileWarning(UserWarning):
    """Something in a file that looks like a mistake and may be none, told in one sentence."""
