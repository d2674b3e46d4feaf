"""Night school: harvest, curate, dataset, train, fit, calibrate, export, examine, release."""
