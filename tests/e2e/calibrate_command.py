"""The command line with `calibrate` as a command of its own, run by this interpreter."""

from loccit.cli.app import app, run
from loccit.cli.evals.calibrate import calibrate

app.command("calibrate")(calibrate)
run()
