import { afterEach, beforeEach, describe } from '@jest/globals';
import { createDriver, type FarSideUnderTest } from './far-side/driver.ts';
import { durabilityCases } from './far-side/durability.ts';
import { envelopeCases } from './far-side/envelopes.ts';
import { givenUpCases } from './far-side/given-up.ts';
import { questionCases } from './far-side/questions.ts';
import { refusalCases } from './far-side/refusals.ts';

export { contractMayCarry, type FarSideRow, type FarSideUnderTest } from './far-side/driver.ts';

/**
 * What every far side must do, whatever stores its records (docs/adr/0001-identity.md, docs/adr/0006-stored.md). One
 * that passes can stand behind any node.
 *
 * @param makeFarSide an empty far side for each test, whose rights are `contractMayCarry`
 */
export function farSideContract(name: string, makeFarSide: () => Promise<FarSideUnderTest>): void {
  describe(`far side: ${name}`, () => {
    let far: FarSideUnderTest;
    beforeEach(async () => {
      far = await makeFarSide();
    });
    afterEach(() => far.close());

    const driver = createDriver(() => far);
    envelopeCases(driver);
    givenUpCases(driver);
    refusalCases(driver);
    questionCases(driver);
    durabilityCases(driver);
  });
}
