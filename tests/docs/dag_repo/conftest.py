"""Settings of Airflow for these tests; before Airflow is imported."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-")
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(__file__).parent / "dags")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "false"
subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True)
