"""Thresholds, most in nats: from where on a latent counts as silent, active or told about, each with its reason.

A KL in nats is about half the variance of the posterior means near freezing; the information about a factor that a
latent holds is at most its KL.
"""

# KL of a latent
SILENT = 0.01  # below it a latent says nothing: the noise of a mean over some thousand images is a tenth of that
ACTIVE = 0.1  # from it on a latent carries information, and its code has an axis to speak of; the field's threshold
ONSET = 0.01  # at equilibrium, where no network's noise enters: a latent starts here
ATTRIBUTED_AT = 0.5  # a latent is asked what it is about: well frozen, and others hardly joined

# information of a latent, or of all together, about a factor, above chance
CARRIED = 0.02  # less than that no latent carries, however surely
TOLD = 0.05  # below it what a latent is about cannot be told from chance
INFORMED = 0.1  # all latents together: from it on the factor has frozen
CHANGED = 0.1  # so much spread, gathered or moved, or a latent leads by as much: an event

# of eigenvalues
NEARLY_DEGENERATE = 0.9  # second over first eigenvalue, above which the second mode does not follow the first
