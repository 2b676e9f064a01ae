// Random batches are the same in every run, so that a failure is one of the code; CKL_TEST_SEED tries others.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.CKL_TEST_SEED ?? 20240817) });
