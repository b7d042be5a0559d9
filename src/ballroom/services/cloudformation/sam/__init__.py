"""The AWS::Serverless transform, by AWS's own translator in a process of its own."""
