"""An issue in; a branch out whose tests ran, or an honest report of why not: `blueprint.fix(run, task)`."""
