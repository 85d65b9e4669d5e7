"""The handlers of the API's endpoints, a module for each family. Which one serves what stands in ``routes``."""
