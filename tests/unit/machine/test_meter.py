"""What a job used."""

from finintent.machine.meter import metered, total


def test_all_attempts_are_paid_for():
    job = {"device": "a card", "driver": "1", "job_seconds": 2.0, "card_peak_bytes": 3, "energy_joules": 4}
    assert total([job, job | {"card_peak_bytes": 1}]) == job | {"job_seconds": 4.0, "energy_joules": 8}
    unknown = {"card_peak_bytes": None, "energy_joules": None}
    assert total([job | unknown] * 2) == job | unknown | {"job_seconds": 4.0}


def test_a_job_without_a_gpu_has_its_time_and_no_memory_of_a_card():
    with metered() as job:
        assert "job_seconds" not in job
    assert job["job_seconds"] > 0
    assert (job["driver"], job["card_peak_bytes"], job["energy_joules"]) == (None, None, None)
