"""Reading queues and streams on a service's behalf: what feeds functions and pipes.

Services do not import each other, and a poller is no service: it calls SQS and the streams as any client
would, and hands batches to whoever asked for them.
"""
