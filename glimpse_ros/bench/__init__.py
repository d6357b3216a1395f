"""`make bench`: latency, throughput and memory, each beside its goal, as a table and as JSON.

Every phase runs in a process of its own, so that none inherits the memory, the threads or the DDS participants of
another. Figures are of the machine as it is: the table names the CPU, the cores used and the load before and after.
"""
