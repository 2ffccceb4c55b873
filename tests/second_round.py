"""Records of the whole second round, as its plan predicts them, with some things changed."""

import numpy as np
import pandas as pd
from made_up_records import COMMIT, falling, noise, record

from lstm_report import paths
from lstm_report.analysis import measurements
from lstm_report.analysis.measurements import Measurement
from lstm_report.claims import depth, memory
from lstm_report.studies import catalogue
from lstm_report.studies.catalogue import DEPTH, GATED, HEADLINE, MEMORY, PHRASES

SEEDS = range(100, 124)
TWENTY = range(100, 120)
FIFTEEN = range(100, 115)


def measure(study, cell, name, values, seeds, spread=1e-4):
    """Write measurements by condition: a value, or one for each seed."""
    rows = []
    for condition, value in values.items():
        wobble = noise(f"{cell}{condition}{name}", spread, seeds)
        spoken = np.broadcast_to(np.asarray(value, dtype=float), len(seeds))
        for k, seed in enumerate(seeds):
            run_id = f"{cell.replace(' ', '-')}-seed{seed}"
            number = spoken[k] + wobble[k] * abs(spoken[k])
            rows.append(Measurement(cell, seed, run_id, name, condition, number, 100, COMMIT))
    measurements.add(study, rows)


class World:
    """Records of the whole second round, as the plan predicts them, with some things changed."""

    def __init__(self, **changes):
        self.changes = changes

    def get(self, name, default):
        return self.changes.get(name, default)

    def write(self):
        self._headline()
        self._depth()
        self._memory()

    def _headline(self):
        cells = {"lstm": 0.871, "reslstm": 0.867, "lstm matched": 0.8708}
        cells = {
            name: self.get(name, value) + noise(name, self.get("spread", 0.001), SEEDS)
            for name, value in cells.items()
        }

        def curve(cell, seed):
            loss = falling(0.05)
            if self.get("unstable", False):
                loss[7] += 0.3
            if self.get("rebound", False):
                loss[-1] = loss[0]
            return loss + 0.9 if self.get("no fall", False) else loss

        sizes = {"lstm": 900, "reslstm": 1000, "lstm matched": self.get("matched", 1001)}
        record(HEADLINE, cells, seeds=SEEDS, best=self.get("best", 5), curve=curve,
               parameters=sizes, size=self.get("size", 4.0))  # fmt: skip
        epochs = pd.read_csv(paths.RESULTS / HEADLINE / "epochs.csv")
        rises = self.get("overfit", True)
        epochs["validation_loss"] = 0.3 + 0.05 * rises * epochs["epoch"]
        epochs.to_csv(paths.RESULTS / HEADLINE / "epochs.csv", index=False)
        for cell in ("lstm", "reslstm", "lstm matched"):
            whole = 0.87
            last = {str(n): self.get("last", 0.8) for n in (20, 50, 100, 200)}
            measure(HEADLINE, cell, "accuracy, last words", last, SEEDS)
            measure(HEADLINE, cell, "accuracy, shuffled in windows", {"all": whole}, SEEDS)
            lead = self.get("contrast", 0.0) if cell == "reslstm" else 0.0
            measure(HEADLINE, cell, "accuracy, reviews with contrast", {"": 0.86 + lead}, SEEDS)
            measure(HEADLINE, cell, "accuracy, reviews without contrast", {"": 0.87}, SEEDS)
        record("baselines", {"nb-weighted n-grams": self.get("linear", 0.918)}, seeds=range(1))
        shuffled = self.get("phrases", 0.86) + noise("p", 0.001, range(12))
        record(PHRASES, {"lstm phrases": shuffled}, seeds=range(100, 112), best=15)

    def _depth(self):
        for kind in ("lstm", "reslstm"):
            for layers in (1, 2, 4, 8):
                cell = f"{kind} x{layers}"
                reached = np.full(20, 0.8) + noise(cell, 0.002, TWENTY)
                if kind == "lstm" and layers == 8:
                    reached -= 0.02 * (self.get("failing", 13) > 0)
                    reached[: self.get("failing", 13)] = 0.5
                if kind == "reslstm" and layers == 8:
                    reached += self.get("deep", -0.02)
                if layers == 1 and self.get("one layer", 0):
                    reached += self.get("one layer", 0)

                def curve(cell, seed, kind=kind, layers=layers):
                    gap = self.get("gap", 0.03) * np.log2(layers) * (kind == "lstm")
                    return falling(0.1 + gap + 0.0005 * (seed % 7))

                record(DEPTH, {cell: reached}, seeds=TWENTY, best=15, curve=curve)
                eased = kind == "reslstm"
                layer = self.get("eased over layers", 1.0) if eased else self.get("fade", 0.5)
                norms = {f"start/{n}": layer ** (layers - n) for n in range(1, layers + 1)}
                measure(DEPTH, cell, depth.LAYER_GRADIENT, norms, TWENTY, 0.01)
                time = self.get("eased over time", 0.7) if eased else self.get("fade in time", 0.7)
                times = {f"start/{layers}/{k}": time**k for k in (0, 1, 50)}
                measure(DEPTH, cell, depth.TIME_GRADIENT, times, TWENTY, 0.01)
                top = 1.0 if layers == 1 else self.get("kept", 0.99) if eased else 0.2
                far = self.get("far", 0.07) if eased else 0.07
                read = {"0/0": self.get("vectors", 1.0), f"{layers}/0": top, f"{layers}/5": far,
                        f"{layers}/10": self.get("ten", 0.055)}  # fmt: skip
                if kind == "lstm" and layers == 4 and self.get("flat", False):
                    read[f"{layers}/0"] = 0.999
                measure(DEPTH, cell, depth.PROBE, read, TWENTY)
        gated = {"gatedlstm x1": 0.803, "gatedlstm x8": self.get("gated", 0.804)}
        gated = {cell: value + noise(cell, 0.002, FIFTEEN) for cell, value in gated.items()}
        record(GATED, gated, seeds=FIFTEEN, best=15)

    def _memory(self):
        for run in memory_plan():
            setting, place = run.config, f"{run.config.task}/{run.config.length}"
            learnt = True
            if run.cell == "rnn" and setting.length == 100:
                learnt = self.get("plain learns", False)
            if run.cell == "rnn" and setting.length == 10:
                learnt = self.get("plain learns short", True)
            residual = run.cell.startswith("reslstm")
            if run.cell.endswith("sentences"):
                learnt = setting.length == 5 or self.get("far learnt", False)
                if residual and setting.length == 10:
                    learnt = self.get("residual at ten", learnt)
                if setting.length == 5:
                    learnt = self.get("near learnt", True)
            steps = 400.0 + 10 * (setting.seed % 7)
            if setting.length == 100 and not residual:
                steps *= self.get("LSTM slower", 2.0)
            if setting.length == 5 and not residual:
                steps *= self.get("LSTM slower near", 2.0)
            found = {("learnt", place): (float(learnt), 1000), ("steps taken", place): (steps, 1)}
            if setting.task == "although-but":
                found[memory.ALTHOUGH_BUT, str(setting.length)] = 0.98 if learnt else 0.5, 1000
            if setting.task == "adding":
                found[memory.ADDING, str(setting.length)] = 0.001 if learnt else 0.16, 1000
                for when in ("", memory.BEFORE):
                    change = self.get("kept trained", 1.1) if not when else self.get("start", 1e-8)
                    for distance, value in (
                        (0, 1.0),
                        (50, change * (1 + 0.01 * (setting.seed % 5))),
                    ):
                        name = memory.CELL_GRADIENT + when
                        found[name, f"{place}/{distance}"] = value, 50
            rows = measurements.of_run(run.cell, setting.seed, setting.run_id(), found, COMMIT)
            self.memory = getattr(self, "memory", []) + rows
        measurements.add(MEMORY, self.memory)


def memory_plan():
    return catalogue.MEMORY_STUDIES[MEMORY].runs()
