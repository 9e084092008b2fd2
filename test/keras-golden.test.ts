import { test } from 'uvu'
import { testFurtherRuns, testGoldenRuns } from './support/golden.js'

testGoldenRuns()
testFurtherRuns()

test.run()
