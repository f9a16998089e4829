"""From readings to verdicts.

ingest    files and frames                -> readings
profiles  readings                        -> LoadProfiles, the population cube
features  LoadProfiles                    -> FeatureTable
space     correlated columns out, principal planes, distance to them
classify  a calibrated score of what stands out
route     findings of the sub-detectors   -> one verdict per meter
worklist  verdicts                        -> the ranked list for the crew
"""

__version__ = "0.1.0"
