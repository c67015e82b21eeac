"""How attempts of jobs ended, which they were, how long they waited, and by which trace they were sent."""

from django.db import migrations, models

import llmtrace.indexes


class Migration(migrations.Migration):
    dependencies = [
        ("llmtrace", "0002_ledgers_and_running_spans"),
    ]

    operations = [
        migrations.AddField(
            model_name="span",
            name="job_attempt",
            field=models.BigIntegerField(null=True, verbose_name="job attempt"),
        ),
        migrations.AddField(
            model_name="span",
            name="job_queue_ms",
            field=models.FloatField(null=True, verbose_name="job in the queue for ms"),
        ),
        migrations.AddField(
            model_name="span",
            name="job_state",
            field=models.CharField(max_length=16, null=True, verbose_name="job state"),
        ),
        migrations.AddField(
            model_name="span",
            name="linked_trace_id",
            field=models.CharField(max_length=32, null=True, verbose_name="id of the trace that sent the job"),
        ),
        migrations.AddIndex(
            model_name="span",
            index=llmtrace.indexes.KnownIndex(fields=["linked_trace_id"], name="llmtrace_span_linked"),
        ),
    ]
