import type { Meter } from '@opentelemetry/api';
import type { GateState } from '../pipeline/gate.ts';
import { gaugeOf } from './instruments.ts';
import { label } from './metric-names.ts';

/** Whether each service is there, and if not for how long it has not been. */
export function observeGates(meter: Meter, states: readonly GateState[], now: () => number = Date.now): void {
  const open = gaugeOf(meter, 'gateOpen');
  const closedFor = gaugeOf(meter, 'gateClosedFor');
  meter.addBatchObservableCallback(
    (result) => {
      for (const { dependency, isOpen, sinceMs } of states) {
        const labels = { [label.dependency]: dependency };
        result.observe(open, isOpen ? 1 : 0, labels);
        result.observe(closedFor, isOpen ? 0 : Math.max(0, now() - sinceMs) / 1000, labels);
      }
    },
    [open, closedFor],
  );
}
