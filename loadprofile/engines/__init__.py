"""The same map-reduce-map on one machine, on Dask or on Spark."""
