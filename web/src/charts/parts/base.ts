export { init, use } from 'echarts/core'
import { use } from 'echarts/core'
import { GridComponent, TooltipComponent } from 'echarts/components'
import { CanvasRenderer } from 'echarts/renderers'

use([GridComponent, TooltipComponent, CanvasRenderer])
