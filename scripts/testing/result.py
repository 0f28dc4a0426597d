"""What came of one test: how many of its points passed and failed, and why."""
import dataclasses


@dataclasses.dataclass
class Result:
    name: str
    passed: int = 0
    failed: int = 0
    seconds: float = 0.0
    notes: list = dataclasses.field(default_factory=list)

    def show(self):
        word = "FAIL" if self.failed else "ok  "
        print(f"{word} {self.name}: {self.passed} passed, {self.failed} failed ({self.seconds:.1f} s)")
        for note in self.notes:
            print("     " + note)
        print(end="", flush=True)
        return self
